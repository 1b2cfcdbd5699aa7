package lint

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// dataSource is the variable that every query goes through.
const dataSource = "datasource"

// source must be the variable, so that the dashboard works wherever it is put.
func (c *checker) source(panel string, ds *Datasource) {
	switch {
	case ds == nil || ds.Type == "":
		c.add("datasource", panel, "the data source and its type must be there, or Grafana takes the default one and nobody checks the query's fields")
	case ds.UID != "${"+dataSource+"}":
		c.add("datasource", panel, "the data source %q is fixed; write ${%s}", ds.UID, dataSource)
	}
}

// variables compares what is declared with what is used.
func (c *checker) variables() {
	declared := map[string]bool{}
	for i, v := range c.Templating.List {
		if declared[v.Name] {
			c.add("variable", "", "variable %q is declared twice", v.Name)
		}
		declared[v.Name] = true
		if v.Label == "" {
			c.add("variable", "", "variable %q has no label", v.Name)
		}
		c.variable(i, v)
	}
	if !declared[dataSource] {
		c.add("template-datasource", "", "the variable %q must choose the data source", dataSource)
	}
	used := c.used()
	for _, name := range used {
		if !declared[name] {
			c.add("variable", "", "variable %q is used and not declared", name)
		}
	}
	for name := range declared {
		if !slices.Contains(used, name) {
			c.add("variable", "", "variable %q is declared and not used", name)
		}
	}
}

// labelValues is the query of a variable: the values of a label among a selector's series.
var labelValues = regexp.MustCompile(`^label_values\((.+), ([a-zA-Z_][a-zA-Z0-9_]*)\)$`)

// Values are selector and label of a variable's query; ok is false for another one.
func (v Variable) Values() (selector, label string, ok bool) {
	text, _ := v.Query.(string)
	m := labelValues.FindStringSubmatch(text)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

func (c *checker) variable(i int, v Variable) {
	switch v.Type {
	case "datasource":
		if i != 0 || v.Name != dataSource || v.Query != "prometheus" {
			c.add("template-datasource", "", "the first variable must be %q, of the type prometheus", dataSource)
		}
	case "textbox":
	case "query":
		c.source("", v.Datasource)
		const onRange = 2
		if v.Refresh != onRange {
			c.add("template-refresh", "", "variable %q must be asked for when the range changes", v.Name)
		}
		selector, _, ok := v.Values()
		if !ok {
			c.add("template-query", "", "variable %q must be label_values(selector, label)", v.Name)
			return
		}
		if err := parses(selector); err != nil {
			c.add("template-query", "", "variable %q: %v", v.Name, err)
		}
		if v.IncludeAll && v.AllValue != ".*" {
			c.add("template-all", "", "All of variable %q must be .*, or series without the label are missing", v.Name)
		}
	default:
		c.add("variable", "", "variable %q is of the type %q, which is not known here", v.Name, v.Type)
	}
}

// use is a variable in a text: $name, ${name} or ${name:format}.
var use = regexp.MustCompile(`\$(?:\{([a-zA-Z_][a-zA-Z0-9_]*)(?:[.:\[][^}]*)?\}|([a-zA-Z_][a-zA-Z0-9_]*))`)

// used are the names of the variables in any text of the dashboard but Grafana's own,
// which begin with two underscores.
func (c *checker) used() []string {
	text, err := json.Marshal(c.Dashboard)
	if err != nil {
		return nil // it was decoded from JSON
	}
	var names []string
	for _, m := range use.FindAllStringSubmatch(string(text), -1) {
		if name := m[1] + m[2]; !strings.HasPrefix(name, "__") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, p := range c.Panels {
		if p.Repeat != "" && !slices.Contains(names, p.Repeat) {
			names = append(names, p.Repeat)
		}
	}
	slices.Sort(names)
	return names
}

// annotations are asked like panels.
func (c *checker) annotations() {
	for _, a := range c.Annotations.List {
		name := "annotation " + a.Name
		c.source(name, a.Datasource)
		if a.Target == nil || a.Target.Expr != a.Expr {
			c.add("annotation", name, "its query must be there both ways in which versions of Grafana read it")
			continue
		}
		c.target(Panel{Title: name}, *a.Target)
		if a.Title == "" {
			c.add("annotation", name, "it has no title")
		}
	}
}

// parses is whether a text with variables is PromQL.
func parses(text string) error {
	if _, err := newParser().ParseExpr(Substitute(text, nil)); err != nil {
		return fmt.Errorf("%s does not parse: %w", text, err)
	}
	return nil
}
