package slo

// The series that are recorded for every SLO. Their names are an interface:
// docs/reference/rules.md lists them with their labels. A window is a label and no
// part of a name, as SLOs differ in their windows and one query has to find them all.
const (
	SeriesSlice           = "ballast_slo:good_slice:ratio"             // of time slices alone
	SeriesErrorRatio      = "ballast_slo:error:ratio"                  // {window}
	SeriesEvents          = "ballast_slo:events:increase"              // {window}
	SeriesBadEvents       = "ballast_slo:bad_events:increase"          // {window}
	SeriesThreshold       = "ballast_slo:burn_rate_threshold:ratio"    // {tier, long_window, short_window}
	SeriesBurnRate        = "ballast_slo:burn_rate:ratio"              //
	SeriesBudgetRemaining = "ballast_slo:error_budget_remaining:ratio" //
	SeriesBudgetSpent     = "ballast_slo:budget_spent_known:ratio"     //
	SeriesCoverage        = "ballast_slo:window_coverage:ratio"        //
	SeriesObjective       = "ballast_slo:objective:ratio"              //
	SeriesPeriod          = "ballast_slo:period:seconds"               //
	SeriesInfo            = "ballast_slo:info"                         // {objective, period, and the document's labels}
)
