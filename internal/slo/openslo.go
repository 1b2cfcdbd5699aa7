package slo

// The document of OpenSLO v1 as it is written. Pointers tell what was left out
// from what was given as nothing; fields with a refuse tag are OpenSLO's too,
// and would not be honoured here.
type (
	rawSLO struct {
		APIVersion string       `json:"apiVersion"`
		Kind       string       `json:"kind"`
		Metadata   *rawMetadata `json:"metadata"`
		Spec       *rawSpec     `json:"spec"`
	}
	rawMetadata struct {
		Name        string            `json:"name"`
		DisplayName *string           `json:"displayName"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	}
	rawSpec struct {
		Description     *string        `json:"description"`
		Service         string         `json:"service"`
		Indicator       *rawIndicator  `json:"indicator"`
		TimeWindow      []rawWindow    `json:"timeWindow"`
		BudgetingMethod string         `json:"budgetingMethod"`
		Objectives      []rawObjective `json:"objectives"`

		IndicatorRef  any `json:"indicatorRef" refuse:"write the indicator inline, so that one file says it all"`
		AlertPolicies any `json:"alertPolicies" refuse:"the alerts are derived from the objective; remove it"`
	}
	rawIndicator struct {
		Metadata struct {
			Name        *string           `json:"name"`
			DisplayName *string           `json:"displayName"`
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			Description *string   `json:"description"`
			RatioMetric *rawRatio `json:"ratioMetric"`

			ThresholdMetric any `json:"thresholdMetric" refuse:"state it as ratioMetric, for latency with a histogram's bucket as good events"`
		} `json:"spec"`
	}
	rawRatio struct {
		Counter *bool      `json:"counter"`
		Good    *rawMetric `json:"good"`
		Total   *rawMetric `json:"total"`

		Bad     any `json:"bad" refuse:"select the good events, so that an error of a new sort is not taken for success"`
		Raw     any `json:"raw" refuse:"give good and total counters"`
		RawType any `json:"rawType" refuse:"give good and total counters"`
	}
	rawMetric struct {
		MetricSource *struct {
			Type string `json:"type"`
			Spec *struct {
				Query string `json:"query"`
			} `json:"spec"`

			Ref any `json:"metricSourceRef" refuse:"the runner's target says which Prometheus is asked"`
		} `json:"metricSource"`
	}
	rawWindow struct {
		Duration  string `json:"duration"`
		IsRolling *bool  `json:"isRolling"`

		Calendar any `json:"calendar" refuse:"a budget that refills at a date is not computed; use a rolling window"`
	}
	rawObjective struct {
		DisplayName *string  `json:"displayName"`
		Target      *float64 `json:"target"`

		TargetPercent   any `json:"targetPercent" refuse:"write target as a ratio, 99.9% as 0.999"`
		Op              any `json:"op" refuse:"it belongs to threshold metrics"`
		Value           any `json:"value" refuse:"it belongs to threshold metrics"`
		TimeSliceTarget any `json:"timeSliceTarget" refuse:"events are counted, not time slices"`
		TimeSliceWindow any `json:"timeSliceWindow" refuse:"events are counted, not time slices"`
		Indicator       any `json:"indicator" refuse:"composite objectives are several SLOs"`
		IndicatorRef    any `json:"indicatorRef" refuse:"composite objectives are several SLOs"`
		Composite       any `json:"composite" refuse:"composite objectives are several SLOs"`
		CompositeWeight any `json:"compositeWeight" refuse:"composite objectives are several SLOs"`
	}
)
