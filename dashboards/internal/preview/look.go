package preview

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
)

// look is how the values of one field are shown: as the panel says, and as the overrides
// say that are for the field.
type look struct {
	Name       string          `json:"displayName"`
	Unit       string          `json:"unit"`
	Decimals   *int            `json:"decimals"`
	Min        *float64        `json:"min"`
	Max        *float64        `json:"max"`
	NoValue    string          `json:"noValue"`
	Thresholds lint.Thresholds `json:"thresholds"`
	Mappings   []lint.Mapping  `json:"mappings"`
	Color      lint.Color      `json:"color"`
	Links      []lint.Link     `json:"links"`
	Custom     struct {
		FillOpacity float64 `json:"fillOpacity"`
		LineStyle   struct {
			Fill string `json:"fill"`
		} `json:"lineStyle"`
		Stacking struct {
			Mode string `json:"mode"`
		} `json:"stacking"`
		Scale struct {
			Type string `json:"type"`
		} `json:"scaleDistribution"`
		ThresholdsStyle struct {
			Mode string `json:"mode"`
		} `json:"thresholdsStyle"`
		Cell struct {
			Type string `json:"type"`
		} `json:"cellOptions"`
		Hidden bool    `json:"hidden"`
		Width  float64 `json:"width"`
	} `json:"custom"`

	values map[string]mapped // by the value as a text
}

// mapped is what a mapping makes of a value.
type mapped struct {
	Text  string `json:"text"`
	Color string `json:"color"`
	Index int    `json:"index"`
}

// lookOf is the look of the field of that name. Overrides name fields as they are shown,
// by their whole name or a regular expression.
func lookOf(fields lint.Fields, name string) (look, error) {
	var l look
	properties := map[string]any{}
	if err := reencode(fields.Defaults, &properties); err != nil {
		return l, err
	}
	for _, o := range fields.Overrides {
		ok, err := matches(o, name)
		if err != nil {
			return l, err
		}
		if !ok {
			continue
		}
		for _, p := range o.Properties {
			// What is not merged is replaced as a whole.
			into := properties
			key, inCustom := strings.CutPrefix(p.ID, "custom.")
			if inCustom {
				custom, _ := properties["custom"].(map[string]any)
				into = maps.Clone(custom)
				if into == nil {
					into = map[string]any{}
				}
				properties["custom"] = into
			}
			into[key] = p.Value
		}
	}
	if err := reencode(properties, &l); err != nil {
		return l, err
	}
	return l, l.index()
}

func reencode(from, into any) error {
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("the options of its fields: %w", err)
	}
	return nil
}

func matches(o lint.Override, name string) (bool, error) {
	options, _ := o.Matcher.Options.(string)
	switch o.Matcher.ID {
	case "byName":
		return options == name, nil
	case "byRegexp":
		re, err := regexp.Compile("^(?:" + options + ")$")
		if err != nil {
			return false, fmt.Errorf("an override: %w", err)
		}
		return re.MatchString(name), nil
	}
	return false, fmt.Errorf("an override by %q is not known here", o.Matcher.ID)
}

// index reads the mappings.
func (l *look) index() error {
	l.values = map[string]mapped{}
	for _, m := range l.Mappings {
		if m.Type != "value" {
			return fmt.Errorf("a mapping: the type %q is not known here", m.Type)
		}
		var values map[string]mapped
		if err := json.Unmarshal(m.Options, &values); err != nil {
			return fmt.Errorf("a mapping: %w", err)
		}
		maps.Copy(l.values, values)
	}
	return nil
}

// states are the mapped values in the order in which they were written.
func (l look) states() []mapped {
	return slices.SortedFunc(maps.Values(l.values), func(a, b mapped) int { return a.Index - b.Index })
}

// shown is a value as the reader sees it.
type shown struct {
	text   string
	color  string // a name or #rrggbb; empty where the look has none for it
	mapped bool
}

// number shows a value that was measured.
func (l look) number(v float64, now clock) shown {
	if m, ok := l.values[strconv.FormatFloat(v, 'g', -1, 64)]; ok {
		return shown{m.Text, m.Color, true}
	}
	return shown{text: inUnit(v, l.Unit, precision{exactly: l.Decimals}, now), color: l.step(v)}
}

// word shows the text of a label.
func (l look) word(s string) shown {
	if m, ok := l.values[s]; ok {
		return shown{m.Text, m.Color, true}
	}
	return shown{text: s}
}

// step is the colour of the last threshold that v reaches; that of NaN is the first's.
func (l look) step(v float64) string {
	color := ""
	for i, s := range l.Thresholds.Steps {
		if i == 0 || s.Value != nil && v >= l.limit(*s.Value) {
			color = s.Color
		}
	}
	return color
}

// limit is where a threshold lies. Those in percent are of the way from the least to the
// greatest value, which are 0 and 100 where the panel says nothing.
func (l look) limit(at float64) float64 {
	if l.Thresholds.Mode != "percentage" {
		return at
	}
	low, high := l.ends(0, 100)
	return low + at/100*(high-low)
}

// ends are the least and the greatest value, as the panel says or else as given.
func (l look) ends(low, high float64) (least, most float64) {
	if l.Min != nil {
		low = *l.Min
	}
	if l.Max != nil {
		high = *l.Max
	}
	return low, high
}
