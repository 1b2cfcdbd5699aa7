package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/units"
)

func (c *checker) add(rule, panel, format string, args ...any) {
	c.problems = append(c.problems, Problem{rule, panel, fmt.Sprintf(format, args...)})
}

// dashboard looks at what is not a panel's.
func (c *checker) dashboard() {
	if len(c.UID) < 8 || len(c.UID) > 40 {
		c.add("uid", "", "its uid %q must have 8 to 40 characters, or links to it break", c.UID)
	}
	if c.Title == "" || c.About == "" {
		c.add("texts", "", "title and description must say what it is for")
	}
	if c.Editable == nil || *c.Editable {
		c.add("uneditable", "", "editable must be false: what is changed in Grafana would be lost")
	}
	if !strings.HasPrefix(c.Time.From, "now-") || c.Time.To != "now" {
		c.add("time", "", "it must begin with a range that ends now, and not %s to %s", c.Time.From, c.Time.To)
	}
	if len(c.Panels) == 0 {
		c.add("empty", "", "it has no panel")
	}
}

// panel looks at one panel without its queries.
func (c *checker) panel(p Panel) {
	if !slices.Contains([]string{"stat", "gauge", "table", "timeseries", "state-timeline", "bargauge"}, p.Type) {
		c.add("type", p.Title, "the preview does not draw panels of type %q", p.Type)
	}
	if p.Title == "" || p.About == "" {
		c.add("texts", p.Title, "title and description must be there (panel %d)", p.ID)
	}
	c.source(p.Title, p.Datasource)
	if p.Interval != "" {
		c.add("interval", p.Title, "its interval %q is fixed; leave it to the data source", p.Interval)
	}
	if len(p.Targets) == 0 {
		c.add("no-targets", p.Title, "it asks nothing")
	}
	c.unit(p.Title, p.Fields.Defaults.Unit)
	for _, o := range p.Fields.Overrides {
		for _, property := range o.Properties {
			if property.ID == "unit" {
				c.unit(p.Title, fmt.Sprint(property.Value))
			}
		}
	}
	c.refs(p)
	if p.Type == "table" {
		c.columns(p)
	}
}

// unit must be one that Grafana knows; it shows others as a suffix without a word.
func (c *checker) unit(panel, unit string) {
	if prefix, rest, ok := strings.Cut(unit, ":"); ok && (prefix == "suffix" || prefix == "prefix") && rest != "" {
		return
	}
	if !slices.Contains(knownUnits(), unit) {
		c.add("unit", panel, "Grafana knows no unit %q", unit)
	}
}

// knownUnits are those that the dashboards use.
func knownUnits() []string {
	return []string{
		units.Number, units.Short, units.PercentUnit, units.Seconds, units.Minutes, units.Hours, units.DurationSeconds, units.DateTimeFromNow,
		units.BytesIEC, units.BytesPerSecondIEC, units.CountsPerSecond, units.RequestsPerSecond, units.IOOpsPerSecond, units.PacketsPerSecond,
	}
}

// refs are the names of queries, by which columns and overrides choose them.
func (c *checker) refs(p Panel) {
	seen := map[string]bool{}
	for _, t := range p.Targets {
		if t.Ref == "" || seen[t.Ref] {
			c.add("ref-id", p.Title, "the refId %q of a query is not unique", t.Ref)
		}
		seen[t.Ref] = true
	}
}

// columns compares the fields that a table names with those that its queries have.
func (c *checker) columns(p Panel) {
	values := map[string]bool{}
	for _, t := range p.Targets {
		values["Value #"+t.Ref] = true
		if len(p.Targets) == 1 {
			values["Value"] = true
		}
		if t.Format != "table" || !t.Instant {
			c.add("table", p.Title, "query %s must be instant and of format table", t.Ref)
		}
	}
	for _, tr := range p.Transformations {
		names, _ := tr.Options["renameByName"].(map[string]any)
		for field := range names {
			if strings.HasPrefix(field, "Value") && !values[field] {
				c.add("table", p.Title, "no query has the field %q", field)
			}
		}
	}
}

// colours looks at thresholds, colours and mappings.
func (c *checker) colours(p Panel) {
	known := []string{"thresholds", "palette-classic", "palette-classic-by-name", "fixed", "shades"}
	if mode := p.Fields.Defaults.Color.Mode; !slices.Contains(known, mode) {
		c.add("enum", p.Title, "Grafana knows no colour mode %q", mode)
	}
	for _, m := range p.Fields.Defaults.Mappings {
		if !slices.Contains([]string{"value", "range", "regex", "special"}, m.Type) {
			c.add("enum", p.Title, "Grafana knows no mapping of type %q", m.Type)
		}
	}
	s := p.Fields.Defaults.Steps
	if p.Options["colorMode"] == "background" && len(s.Steps) < 2 && len(p.Fields.Defaults.Mappings) == 0 {
		c.add("background", p.Title, "a background in the one colour that it has shouts and says nothing; colour the value")
	}
	if len(s.Steps) > 0 && s.Mode != "absolute" && s.Mode != "percentage" {
		c.add("enum", p.Title, "Grafana knows no threshold mode %q", s.Mode)
	}
	for i, step := range s.Steps {
		if (i == 0) != (step.Value == nil) {
			c.add("thresholds", p.Title, "the first threshold, and no other, has no value")
			continue
		}
		if i > 1 && s.Steps[i-1].Value != nil && *step.Value <= *s.Steps[i-1].Value {
			c.add("thresholds", p.Title, "the thresholds must ascend")
		}
	}
	for option, values := range map[string][]string{
		"colorMode": {"none", "value", "background", "background_solid"}, "graphMode": {"none", "line", "area"},
		"displayMode": {"basic", "lcd", "gradient"}, "showValue": {"auto", "never", "always"}, "orientation": {"auto", "horizontal", "vertical", ""},
	} {
		if v, ok := p.Options[option].(string); ok && !slices.Contains(values, v) {
			c.add("enum", p.Title, "Grafana knows no %s %q", option, v)
		}
	}
}

// grid looks at ids and places.
func (c *checker) grid() {
	const width = 24
	ids := map[int]string{}
	for i, p := range c.Panels {
		if other, taken := ids[p.ID]; taken || p.ID <= 0 {
			c.add("id", p.Title, "its id %d is not positive and unique (%q)", p.ID, other)
		}
		ids[p.ID] = p.Title
		g := p.Grid
		if g.W <= 0 || g.H <= 0 || g.X < 0 || g.Y < 0 || g.X+g.W > width {
			c.add("grid", p.Title, "it lies outside of the grid: %+v", g)
		}
		for _, q := range c.Panels[:i] {
			if h := q.Grid; g.X < h.X+h.W && h.X < g.X+g.W && g.Y < h.Y+h.H && h.Y < g.Y+g.H {
				c.add("grid", p.Title, "it lies upon %q", q.Title)
			}
		}
	}
}
