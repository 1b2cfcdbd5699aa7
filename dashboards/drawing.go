package main

import (
	"math"
	"strconv"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/gauge"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// options are those of the kind.
func (p panel) options() any {
	legend := common.VizLegendOptions{DisplayMode: common.LegendDisplayModeList, Placement: common.LegendPlacementBottom, ShowLegend: true, Calcs: []string{}}
	tooltip := common.VizTooltipOptions{Mode: common.TooltipDisplayModeMulti, Sort: common.SortOrderDescending}
	last := common.ReduceDataOptions{Calcs: []string{"lastNotNull"}, Values: cog.ToPtr(false), Fields: cog.ToPtr("")}
	switch p.kind {
	case kindStat:
		o := stat.NewOptions()
		o.GraphMode, o.ColorMode, o.ReduceOptions = common.BigValueGraphModeNone, common.BigValueColorModeBackground, last
		if len(p.steps)+len(p.states) == 0 {
			o.ColorMode = common.BigValueColorModeValue // a number that is neither good nor bad
		}
		return o
	case kindGauge:
		o := gauge.NewOptions()
		o.ReduceOptions = last
		return o
	case kindBars:
		o := bargauge.NewOptions()
		o.Orientation, o.DisplayMode, o.ReduceOptions = common.VizOrientationHorizontal, common.BarGaugeDisplayModeBasic, last
		o.Legend.Calcs, o.Legend.DisplayMode, o.Legend.Placement = []string{}, common.LegendDisplayModeHidden, common.LegendPlacementBottom
		return o
	case kindTable:
		o := table.NewOptions()
		o.Footer = nil // the library's own is not what its decoder takes
		if p.sort.column != "" {
			o.SortBy = []common.TableSortByFieldState{{DisplayName: p.sort.column, Desc: &p.sort.desc}}
		}
		return o
	case kindTimeline:
		o := statetimeline.NewOptions()
		o.ShowValue, o.Legend, o.Tooltip = common.VisibilityModeNever, legend, tooltip
		return o
	default:
		return timeseries.Options{Legend: legend, Tooltip: tooltip}
	}
}

// defaults are what holds for all of the panel's fields.
func (p panel) defaults() dashboard.FieldConfig {
	d := dashboard.FieldConfig{
		Unit: &p.unit, Custom: p.custom(), Mappings: mappings(p.states),
		Color: &dashboard.FieldColor{Mode: dashboard.FieldColorModeIdPaletteClassic},
	}
	if len(p.steps) > 0 {
		d.Thresholds = thresholds(p.steps)
	}
	if p.coloured() {
		d.Color.Mode = dashboard.FieldColorModeIdThresholds
		if d.Thresholds == nil {
			d.Thresholds = thresholds([]step{{color: "text"}})
		}
	}
	if p.decimals != nil {
		d.Decimals = cog.ToPtr(float64(*p.decimals))
	}
	if p.named != "" {
		d.DisplayName = cog.ToPtr("${__field.labels." + p.named + "}")
	}
	if p.none != "" {
		d.NoValue = &p.none
	}
	if p.limits != nil {
		d.Min, d.Max = &p.limits[0], &p.limits[1]
	}
	return d
}

// coloured is whether a value's colour says how good it is; the lines of a chart are told
// apart by theirs.
func (p panel) coloured() bool { return p.kind != kindSeries }

// custom are the settings of the kind that hold for each field.
func (p panel) custom() any {
	switch p.kind {
	case kindSeries:
		c := timeseries.NewFieldConfig()
		c.LineWidth, c.FillOpacity, c.ShowPoints = cog.ToPtr(1.0), cog.ToPtr(10.0), cog.ToPtr(common.VisibilityModeAuto)
		// A gap is a gap: nothing was measured there.
		c.SpanNulls = &common.BoolOrFloat64{Bool: cog.ToPtr(false)}
		if p.stacked {
			c.Stacking, c.FillOpacity = &common.StackingConfig{Mode: cog.ToPtr(common.StackingModeNormal)}, cog.ToPtr(40.0)
		}
		if p.log {
			c.ScaleDistribution = &common.ScaleDistributionConfig{Type: common.ScaleDistributionLog, Log: cog.ToPtr(10.0)}
		}
		if len(p.steps) > 0 {
			c.ThresholdsStyle = &common.GraphThresholdsStyleConfig{Mode: common.GraphThresholdsStyleModeDashed}
		}
		return c
	case kindTimeline:
		return &statetimeline.FieldConfig{LineWidth: cog.ToPtr(uint32(0)), FillOpacity: cog.ToPtr(uint32(80))}
	case kindTable:
		c := common.NewTableFieldOptions()
		c.Align, c.Inspect = common.FieldTextAlignmentAuto, false
		return c
	default:
		return nil
	}
}

// overrides are for fields that differ from the others: columns, and lines that are limits.
func (p panel) overrides() []dashboard.DashboardFieldConfigSourceOverrides {
	out := []dashboard.DashboardFieldConfigSourceOverrides{}
	for _, c := range p.columns {
		out = append(out, c.override())
	}
	if p.dashed != "" {
		out = append(out, dashboard.DashboardFieldConfigSourceOverrides{
			Matcher: dashboard.MatcherConfig{Id: "byRegexp", Options: p.dashed},
			Properties: []dashboard.DynamicConfigValue{
				{Id: "custom.lineStyle", Value: common.LineStyle{Fill: cog.ToPtr(common.LineStyleFillDash), Dash: []float64{8, 8}}},
				{Id: "custom.fillOpacity", Value: 0},
			},
		})
	}
	return out
}

func thresholds(steps []step) *dashboard.ThresholdsConfig {
	out := &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute}
	for i, s := range steps {
		t := dashboard.Threshold{Color: s.color}
		if i > 0 {
			t.Value = cog.ToPtr(s.from)
		}
		out.Steps = append(out.Steps, t)
	}
	return out
}

func mappings(states []state) []dashboard.ValueMapping {
	values := dashboard.NewValueMap()
	values.Options = map[string]dashboard.ValueMappingResult{}
	var out []dashboard.ValueMapping
	for i, s := range states {
		result := dashboard.ValueMappingResult{Text: &s.text, Color: &s.color, Index: cog.ToPtr(int32(i))}
		of := s.of
		if of == "" {
			of = strconv.FormatFloat(s.value, 'g', -1, 64)
		}
		values.Options[of] = result
	}
	if len(values.Options) > 0 {
		out = append([]dashboard.ValueMapping{{ValueMap: values}}, out...)
	}
	return out
}

// between are the limits of an axis.
func between(least, most float64) *[2]float64 { return &[2]float64{least, most} }

// higherIsWorse colours values from the two limits on.
func higherIsWorse(warning, bad float64) []step {
	return []step{{math.Inf(-1), "green"}, {warning, "orange"}, {bad, "red"}}
}

// lowerIsWorse colours values below the two limits.
func lowerIsWorse(bad, warning float64) []step {
	return []step{{math.Inf(-1), "red"}, {bad, "orange"}, {warning, "green"}}
}
