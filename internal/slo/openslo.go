package slo

// The documents of OpenSLO v1 as they are written. Pointers tell what was left out
// from what was given as nothing; fields with a refuse tag are OpenSLO's too,
// and would not be honoured here. docs/reference/openslo.md lists them all.
type (
	rawSLO struct {
		APIVersion string       `json:"apiVersion"`
		Kind       string       `json:"kind"`
		Metadata   *rawMetadata `json:"metadata"`
		Spec       *rawSpec     `json:"spec"`
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

		AlertPolicies any `json:"alertPolicies" refuse:"the alerts are derived from the objective; remove it"`
	}
	rawIndicator struct {
		Metadata *rawMetadata `json:"metadata"`
		Spec     *rawSLISpec  `json:"spec"`
	}
	rawSLISpec struct {
		Description *string   `json:"description"`
		RatioMetric *rawRatio `json:"ratioMetric"`

		ThresholdMetric any `json:"thresholdMetric" refuse:"a threshold is crossed at an instant and counts no events; state it as ratioMetric, for latency with a histogram's bucket as good events"`
	}
	rawRatio struct {
		Counter *bool      `json:"counter"`
		Good    *rawMetric `json:"good"`
		Bad     *rawMetric `json:"bad"`
		Total   *rawMetric `json:"total"`

		Raw     any `json:"raw" refuse:"a ratio that is computed already has forgotten how many events there were; give good and total counters"`
		RawType any `json:"rawType" refuse:"a ratio that is computed already has forgotten how many events there were; give good and total counters"`
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
		DisplayName   *string  `json:"displayName"`
		Target        *float64 `json:"target"`
		TargetPercent *float64 `json:"targetPercent"`

		Op              any `json:"op" refuse:"it belongs to threshold metrics"`
		Value           any `json:"value" refuse:"it belongs to threshold metrics"`
		TimeSliceTarget any `json:"timeSliceTarget" refuse:"events are counted, not time slices"`
		TimeSliceWindow any `json:"timeSliceWindow" refuse:"events are counted, not time slices"`
		Indicator       any `json:"indicator" refuse:"composite objectives are several SLOs"`
		IndicatorRef    any `json:"indicatorRef" refuse:"composite objectives are several SLOs"`
		Composite       any `json:"composite" refuse:"composite objectives are several SLOs"`
		CompositeWeight any `json:"compositeWeight" refuse:"composite objectives are several SLOs"`
	}

	rawSLI struct {
		APIVersion string       `json:"apiVersion"`
		Kind       string       `json:"kind"`
		Metadata   *rawMetadata `json:"metadata"`
		Spec       *rawSLISpec  `json:"spec"`
	}
	rawService struct {
		APIVersion string       `json:"apiVersion"`
		Kind       string       `json:"kind"`
		Metadata   *rawMetadata `json:"metadata"`
		Spec       *struct {
			Description *string `json:"description"`
		} `json:"spec"`
	}
	rawDataSource struct {
		APIVersion string       `json:"apiVersion"`
		Kind       string       `json:"kind"`
		Metadata   *rawMetadata `json:"metadata"`
		Spec       *struct {
			Description       *string `json:"description"`
			Type              string  `json:"type"`
			ConnectionDetails any     `json:"connectionDetails"` // the runner's target says which Prometheus is asked
		} `json:"spec"`
	}
)
