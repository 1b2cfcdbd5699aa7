package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// column is one column of a table: a label of its rows, or the value of a query.
type column struct {
	// field is a label's name, or refID's letter of the query whose value it is.
	field string
	name  string
	unit  string
	// decimals are as of a panel.
	decimals *int
	steps    []step
	states   []state
	links    []link
	// bar draws the value as a bar between these limits.
	bar    *[2]float64
	hidden bool
	width  int
}

// value is the column of a query's value.
func (c column) value() bool { return len(c.field) == 1 && c.field >= "A" && c.field <= "Z" }

// source is the field's name before it is renamed. With one query there is only one value.
func (c column) source(queries int) string {
	switch {
	case !c.value():
		return c.field
	case queries == 1:
		return "Value"
	default:
		return "Value #" + c.field
	}
}

// transformations join the rows of all queries by their labels, and keep and name the
// columns in their order.
func (p panel) transformations() []dashboard.DataTransformerConfig {
	exclude, order, names := map[string]bool{"Time": true, "__name__": true}, map[string]int{}, map[string]string{}
	for i, c := range p.columns {
		from := c.source(len(p.queries))
		order[from], names[from] = i, c.name
	}
	return []dashboard.DataTransformerConfig{
		{Id: "merge", Options: map[string]any{}},
		{Id: "organize", Options: map[string]any{"excludeByName": exclude, "indexByName": order, "renameByName": names}},
	}
}

// override is what a column has of its own.
func (c column) override() dashboard.DashboardFieldConfigSourceOverrides {
	o := dashboard.DashboardFieldConfigSourceOverrides{Matcher: dashboard.MatcherConfig{Id: "byName", Options: c.name}}
	set := func(id string, value any) {
		o.Properties = append(o.Properties, dashboard.DynamicConfigValue{Id: id, Value: value})
	}
	// What a row lacks is empty; the panel's text for no data would say that there is none.
	set("noValue", "–")
	if c.unit != "" {
		set("unit", c.unit)
	}
	if c.decimals != nil {
		set("decimals", *c.decimals)
	}
	if len(c.steps) > 0 {
		set("thresholds", thresholds(c.steps))
	}
	if len(c.states) > 0 {
		set("mappings", mappings(c.states))
	}
	switch {
	case c.bar != nil:
		set("min", c.bar[0])
		set("max", c.bar[1])
		set("custom.cellOptions", map[string]any{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"})
	case len(c.steps) > 0 || len(c.states) > 0:
		set("custom.cellOptions", map[string]any{"type": "color-background", "mode": "basic"})
	}
	if len(c.links) > 0 {
		var links []map[string]any
		for _, l := range c.links {
			links = append(links, map[string]any{"title": l.title, "url": l.url})
		}
		set("links", links)
	}
	if c.hidden {
		set("custom.hidden", true)
	}
	if c.width > 0 {
		set("custom.width", c.width)
	}
	return o
}
