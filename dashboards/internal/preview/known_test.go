package preview

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
)

// unknownTo is what the preview would not draw of a panel as Grafana does; empty for nothing.
func unknownTo(p lint.Panel) string {
	if !slices.Contains([]string{kindRow, kindStat, kindGauge, kindBars, kindTable, kindSeries, kindTimeline}, p.Type) {
		return "the type " + p.Type
	}
	names := []string{"any"}
	for _, o := range p.Fields.Overrides {
		if o.Matcher.ID != "byName" && o.Matcher.ID != "byRegexp" {
			return fmt.Sprintf("the override by %v", o.Matcher.ID)
		}
		names = append(names, fmt.Sprint(o.Matcher.Options))
		for _, property := range o.Properties {
			known := []string{"unit", "decimals", "min", "max", "noValue", "thresholds", "mappings", "links", "custom.cellOptions", "custom.hidden", "custom.width", "custom.lineStyle", "custom.fillOpacity"}
			if !slices.Contains(known, property.ID) {
				return "the property " + property.ID
			}
		}
	}
	for _, name := range names {
		l, err := lookOf(p.Fields, name)
		if err != nil {
			return err.Error()
		}
		if problem := l.unknown(); problem != "" {
			return name + ": " + problem
		}
	}
	for _, t := range p.Transformations {
		if t.ID != "merge" && t.ID != "organize" {
			return "the transformation " + t.ID
		}
	}
	if reduce, ok := p.Options["reduceOptions"].(map[string]any); ok && (fmt.Sprint(reduce["calcs"]) != "[lastNotNull]" || reduce["values"] != false) {
		return fmt.Sprintf("the reduction %v", reduce)
	}
	if p.Options["graphMode"] != nil && p.Options["graphMode"] != "none" {
		return "a graph in a tile"
	}
	return ""
}

func (l look) unknown() string {
	suffixed := strings.HasPrefix(l.Unit, "suffix:") || strings.HasPrefix(l.Unit, "prefix:")
	if l.Unit != "" && !suffixed && !slices.Contains(knownUnits(), l.Unit) {
		return "the unit " + l.Unit
	}
	var colours []string
	for _, s := range l.Thresholds.Steps {
		colours = append(colours, s.Color)
	}
	for _, m := range l.values {
		colours = append(colours, m.Color)
	}
	for _, c := range colours {
		if !slices.Contains(namedColours(), c) && !hexColour.MatchString(c) {
			return "the colour " + c
		}
	}
	if t := l.Custom.Cell.Type; !slices.Contains([]string{"", "auto", "color-background", "gauge"}, t) {
		return "the cell " + t
	}
	if s := l.Custom.Scale.Type; !slices.Contains([]string{"", "linear", "log"}, s) {
		return "the scale " + s
	}
	return ""
}

// knownUnits are those that inUnit writes as Grafana does, but for suffixes and prefixes.
func knownUnits() []string {
	return []string{
		"none", "short", "percentunit", "percent", "bytes", "binBps", "pps", "cps", "reqps", "iops",
		"s", "m", "h", "dtdurations", "dateTimeFromNow",
	}
}
