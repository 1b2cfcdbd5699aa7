package slo

// The documents of OpenSLO v1 as they are written. Pointers tell what was left out
// from what was given as nothing; fields with a refuse tag are OpenSLO's too,
// and would not be honoured here. docs/reference/openslo.md lists them all.
type (
	// rawDocument is what every kind has, around a spec of its own.
	rawDocument[S any] struct {
		APIVersion string       `json:"apiVersion"`
		Kind       string       `json:"kind"`
		Metadata   *rawMetadata `json:"metadata"`
		Spec       *S           `json:"spec"`
	}
	rawMetadata struct {
		Name        string                `json:"name"`
		DisplayName *string               `json:"displayName"`
		Labels      map[string]labelValue `json:"labels"`
		Annotations map[string]string     `json:"annotations"`
	}
	rawSpec struct {
		Description     *string        `json:"description"`
		Service         string         `json:"service"`
		Indicator       *rawIndicator  `json:"indicator"`
		IndicatorRef    *string        `json:"indicatorRef"`
		TimeWindow      []rawWindow    `json:"timeWindow"`
		BudgetingMethod string         `json:"budgetingMethod"`
		Objectives      []rawObjective `json:"objectives"`
		AlertPolicies   []rawPolicyUse `json:"alertPolicies"`
	}
	rawIndicator struct {
		Metadata *rawMetadata `json:"metadata"`
		Spec     *rawSLISpec  `json:"spec"`
	}
	rawSLISpec struct {
		Description     *string    `json:"description"`
		RatioMetric     *rawRatio  `json:"ratioMetric"`
		ThresholdMetric *rawMetric `json:"thresholdMetric"`
	}
	rawRatio struct {
		Counter *bool      `json:"counter"`
		Good    *rawMetric `json:"good"`
		Bad     *rawMetric `json:"bad"`
		Total   *rawMetric `json:"total"`
		Raw     *rawMetric `json:"raw"`
		RawType *string    `json:"rawType"`
	}
	rawMetric struct {
		MetricSource *rawSource `json:"metricSource"`
	}
	rawSource struct {
		Type *string `json:"type"`
		Ref  *string `json:"metricSourceRef"`
		Spec *struct {
			Query string `json:"query"`
		} `json:"spec"`
	}
	rawWindow struct {
		Duration  string `json:"duration"`
		IsRolling *bool  `json:"isRolling"`

		Calendar any `json:"calendar" refuse:"PromQL knows no time zone but UTC, and no range that depends on the date; use a rolling window"`
	}
	rawObjective struct {
		DisplayName     *string      `json:"displayName"`
		Target          *float64     `json:"target"`
		TargetPercent   *float64     `json:"targetPercent"`
		Op              *string      `json:"op"`
		Value           *float64     `json:"value"`
		TimeSliceTarget *float64     `json:"timeSliceTarget"`
		TimeSliceWindow *sliceWindow `json:"timeSliceWindow"`

		Indicator       any `json:"indicator" refuse:"composite objectives are several SLOs"`
		IndicatorRef    any `json:"indicatorRef" refuse:"composite objectives are several SLOs"`
		Composite       any `json:"composite" refuse:"composite objectives are several SLOs"`
		CompositeWeight any `json:"compositeWeight" refuse:"composite objectives are several SLOs"`
	}

	rawPolicyUse struct {
		Ref      *string        `json:"alertPolicyRef"`
		Kind     *string        `json:"kind"`
		Metadata *rawMetadata   `json:"metadata"`
		Spec     *rawPolicySpec `json:"spec"`
	}
	rawPolicySpec struct {
		Description         *string           `json:"description"`
		AlertWhenBreaching  *bool             `json:"alertWhenBreaching"`
		AlertWhenNoData     *bool             `json:"alertWhenNoData"`
		AlertWhenResolved   *bool             `json:"alertWhenResolved"`
		Conditions          []rawConditionUse `json:"conditions"`
		NotificationTargets []rawTargetUse    `json:"notificationTargets"`
	}
	rawConditionUse struct {
		Ref      *string           `json:"conditionRef"`
		Kind     *string           `json:"kind"`
		Metadata *rawMetadata      `json:"metadata"`
		Spec     *rawConditionSpec `json:"spec"`
	}
	rawConditionSpec struct {
		Description *string       `json:"description"`
		Severity    string        `json:"severity"`
		Condition   *rawCondition `json:"condition"`
	}
	rawCondition struct {
		Kind           *string  `json:"kind"`
		Op             *string  `json:"op"`
		Threshold      *float64 `json:"threshold"`
		LookbackWindow string   `json:"lookbackWindow"`
		AlertAfter     *string  `json:"alertAfter"`
	}
	rawTargetUse struct {
		Ref      *string        `json:"targetRef"`
		Kind     *string        `json:"kind"`
		Metadata *rawMetadata   `json:"metadata"`
		Spec     *rawTargetSpec `json:"spec"`
	}
	rawTargetSpec struct {
		Description *string `json:"description"`
		Target      string  `json:"target"`
	}

	rawServiceSpec struct {
		Description *string `json:"description"`
	}
	rawDataSourceSpec struct {
		Description       *string `json:"description"`
		Type              string  `json:"type"`
		ConnectionDetails any     `json:"connectionDetails"` // the runner's target says which Prometheus is asked
	}
)
