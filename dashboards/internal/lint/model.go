// Package lint finds what is wrong with a dashboard's JSON, as far as that can be known
// without Grafana: what its server would accept and then not show, or show wrongly.
package lint

import (
	"encoding/json"
	"fmt"
)

// Problem is one thing that is wrong.
type Problem struct {
	Rule  string // its name, such as "unit"
	Panel string // title of the panel, empty for the dashboard
	Text  string
}

// String names the panel, the rule and the mend.
func (p Problem) String() string {
	if p.Panel == "" {
		return fmt.Sprintf("%s (%s)", p.Text, p.Rule)
	}
	return fmt.Sprintf("panel %q: %s (%s)", p.Panel, p.Text, p.Rule)
}

// Dashboard is the part of a dashboard that the rules look at.
type Dashboard struct {
	UID        string   `json:"uid"`
	Title      string   `json:"title"`
	About      string   `json:"description"`
	Editable   *bool    `json:"editable"`
	Time       Time     `json:"time"`
	Panels     []Panel  `json:"panels"`
	Tags       []string `json:"tags"`
	Templating struct {
		List []Variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []Annotation `json:"list"`
	} `json:"annotations"`
}

// Time is the range that is shown at first.
type Time struct{ From, To string }

// Panel is a panel or, of type row, a headline.
type Panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	About           string           `json:"description"`
	Datasource      *Datasource      `json:"datasource"`
	Grid            Grid             `json:"gridPos"`
	Targets         []Target         `json:"targets"`
	Repeat          string           `json:"repeat"`
	Interval        string           `json:"interval"`
	Links           []Link           `json:"links"`
	Fields          Fields           `json:"fieldConfig"`
	Options         map[string]any   `json:"options"`
	Transformations []Transformation `json:"transformations"`
}

// Fields are the settings of the panel's values.
type Fields struct {
	Defaults  Defaults   `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// Defaults hold for all values.
type Defaults struct {
	Name     string         `json:"displayName"`
	Unit     string         `json:"unit"`
	Decimals *int           `json:"decimals"`
	Min      *float64       `json:"min"`
	Max      *float64       `json:"max"`
	NoValue  string         `json:"noValue"`
	Color    Color          `json:"color"`
	Mappings []Mapping      `json:"mappings"`
	Steps    Thresholds     `json:"thresholds"`
	Custom   map[string]any `json:"custom"`
}

// Color is how values are coloured.
type Color struct {
	Mode string `json:"mode"`
}

// Mapping gives values a text and a colour: for each value, as its text, or for a special
// one, which is the match.
type Mapping struct {
	Type    string          `json:"type"`
	Options json.RawMessage `json:"options"`
}

// Thresholds give ranges of values a colour.
type Thresholds struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// Step is the colour of values from a limit on; the first has none.
type Step struct {
	Value *float64 `json:"value"`
	Color string   `json:"color"`
}

// Override is what some fields have of their own.
type Override struct {
	Matcher    struct{ ID, Options any } `json:"matcher"`
	Properties []Property                `json:"properties"`
}

// Property is one setting of an override.
type Property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// Transformation is one step from the answers to what is shown.
type Transformation struct {
	ID      string         `json:"id"`
	Options map[string]any `json:"options"`
}

// Grid is a panel's place.
type Grid struct{ H, W, X, Y int }

// Target is one query.
type Target struct {
	Ref        string      `json:"refId"`
	Expr       string      `json:"expr"`
	Legend     string      `json:"legendFormat"`
	Datasource *Datasource `json:"datasource"`
	Instant    bool        `json:"instant"`
	Range      bool        `json:"range"`
	Format     string      `json:"format"`
	Interval   string      `json:"interval"`
}

// Datasource names where a query goes.
type Datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Link leads elsewhere.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// Variable is what the reader chooses.
type Variable struct {
	Type       string      `json:"type"`
	Name       string      `json:"name"`
	Label      string      `json:"label"`
	Query      any         `json:"query"`
	Datasource *Datasource `json:"datasource"`
	Refresh    int         `json:"refresh"`
	Multi      bool        `json:"multi"`
	IncludeAll bool        `json:"includeAll"`
	AllValue   string      `json:"allValue"`
}

// Annotation is a query for things that happened.
type Annotation struct {
	Name       string      `json:"name"`
	Datasource *Datasource `json:"datasource"`
	Enable     bool        `json:"enable"`
	Color      string      `json:"iconColor"`
	Expr       string      `json:"expr"`
	Target     *Target     `json:"target"`
	Title      string      `json:"titleFormat"`
	Text       string      `json:"textFormat"`
	// ByValue is whether the values are the times, in milliseconds.
	ByValue bool `json:"useValueForTime"`
}

// Key names a panel: titles alone are not unique, and a panel belongs to the row above it.
func (d Dashboard) Key(p Panel) string {
	row := ""
	for _, other := range d.Panels {
		if other.Type == "row" {
			row = other.Title
		}
		if other.ID == p.ID {
			break
		}
	}
	return d.Title + ": " + row + ": " + p.Title
}

// Parse reads a dashboard's JSON.
func Parse(content []byte) (Dashboard, error) {
	var d Dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		return Dashboard{}, fmt.Errorf("parse dashboard: %w", err)
	}
	return d, nil
}
