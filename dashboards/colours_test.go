package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
)

// palette are the colours of panels, the calmest first. The first four say that all is well.
func palette() []string {
	return []string{"", "transparent", "text", "green", "blue", "purple", "#808080", "yellow", "orange", "red", "dark-red"}
}

// calm is whether a colour says that all is well.
func calm(colour string) bool {
	return slices.Index(palette(), colour) <= slices.Index(palette(), "green")
}

// look is how the values of a field are coloured.
type look struct {
	steps    []lint.Step
	mappings []lint.Mapping
}

// looks are how the values of a panel's query are coloured: as the panel's, or in a table as
// the column's.
func looks(p lint.Panel, t lint.Target) (look, error) {
	own := look{p.Fields.Defaults.Steps.Steps, p.Fields.Defaults.Mappings}
	if p.Type != "table" {
		return own, nil
	}
	field := "Value"
	if len(p.Targets) > 1 {
		field = "Value #" + t.Ref
	}
	own = look{}
	for _, o := range p.Fields.Overrides {
		if o.Matcher.Options != columns(p)[field] {
			continue
		}
		for _, property := range o.Properties {
			var into any
			var thresholds lint.Thresholds
			switch property.ID {
			case "thresholds":
				into = &thresholds
			case "mappings":
				into = &own.mappings
			default:
				continue
			}
			text, err := json.Marshal(property.Value)
			if err == nil {
				err = json.Unmarshal(text, into)
			}
			if err != nil {
				return look{}, fmt.Errorf("%s of %s: %w", property.ID, p.Title, err)
			}
			own.steps = append(own.steps, thresholds.Steps...)
		}
	}
	return own, nil
}

// columns are the names of a table's columns by their fields.
func columns(p lint.Panel) map[string]any {
	for _, t := range p.Transformations {
		if names, ok := t.Options["renameByName"].(map[string]any); ok {
			return names
		}
	}
	return nil
}

// coloured is whether values can have different colours.
func (l look) coloured() bool { return len(l.steps) > 1 || len(l.mappings) > 0 }

// twins are two states that have one text or one colour, empty for none.
func (l look) twins() string {
	taken := map[string]string{}
	for _, m := range l.mappings {
		var of map[string]mapped
		if m.Type != "value" || json.Unmarshal(m.Options, &of) != nil {
			continue
		}
		for _, value := range slices.Sorted(maps.Keys(of)) {
			for _, look := range []string{"text " + of[value].Text, "colour " + of[value].Color} {
				if other, ok := taken[look]; ok {
					return fmt.Sprintf("the values %s and %s both have the %s", other, value, look)
				}
				taken[look] = value
			}
		}
	}
	return ""
}

// mapped is what a mapping makes of a value.
type mapped struct {
	Text  string `json:"text"`
	Color string `json:"color"`
}

// of is the colour of a value: that of a mapping, or that of the last threshold that it
// reaches.
func (l look) of(v float64) (string, error) {
	for _, m := range l.mappings {
		var values map[string]mapped
		var special struct {
			Match  string `json:"match"`
			Result mapped `json:"result"`
		}
		var err error
		if m.Type == "special" {
			err = json.Unmarshal(m.Options, &special)
			if err == nil && special.Match == "nan" && math.IsNaN(v) {
				return special.Result.Color, nil
			}
		} else if err = json.Unmarshal(m.Options, &values); err == nil {
			if found, ok := values[strconv.FormatFloat(v, 'g', -1, 64)]; ok {
				return found.Color, nil
			}
		}
		if err != nil {
			return "", fmt.Errorf("a mapping: %w", err)
		}
	}
	colour := ""
	for _, s := range l.steps {
		if s.Value == nil || v >= *s.Value {
			colour = s.Color
		}
	}
	return colour, nil
}

// worse is the more alarming of two colours.
func worse(a, b string) string {
	if slices.Index(palette(), b) > slices.Index(palette(), a) {
		return b
	}
	return a
}
