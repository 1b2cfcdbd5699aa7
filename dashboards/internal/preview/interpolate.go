package preview

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// choice is what is chosen of a variable.
type choice struct {
	label  string
	values []string
	// all is whether everything is chosen; allValue stands for it in a query.
	all      bool
	allValue string
	many     bool // several may be chosen: the query compares by a regular expression
	plain    bool // its text is not a query's: the data source, an address
}

// text is what the reader sees of a choice.
func (c choice) text() string {
	if c.all {
		return "All"
	}
	return strings.Join(c.values, " + ")
}

// scope is what the variables in a text stand for.
type scope struct {
	choices          map[string]choice
	span             span
	interval, scrape time.Duration
}

// with is the scope with one variable that has a single value.
func (s scope) with(name, value string) scope {
	out := s
	out.choices = make(map[string]choice, len(s.choices))
	for k, v := range s.choices {
		out.choices[k] = v
	}
	c := out.choices[name]
	c.values, c.all = []string{value}, false
	out.choices[name] = c
	return out
}

// variable is a variable in a text: $name, ${name}, ${name.path} or ${name:format}.
var variable = regexp.MustCompile(`\$(?:([a-zA-Z_]\w*)|\{([a-zA-Z_]\w*)(?:\.([^:}]+))?(?::([^}]+))?\})`)

// replaced puts values in the place of variables. What value does not know stays as it is.
func replaced(text string, value func(name, path, format string) (string, bool)) string {
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		m := variable.FindStringSubmatch(found)
		if v, ok := value(m[1]+m[2], m[3], m[4]); ok {
			return v
		}
		return found
	})
}

// query is an expression with the values of its variables, as Grafana's data source for
// Prometheus puts them there.
func (s scope) query(expr string) string {
	return replaced(expr, func(name, _, format string) (string, bool) {
		if v, ok := s.builtin(name, format); ok {
			return v, true
		}
		c, ok := s.choices[name]
		switch {
		case !ok:
			return "", false
		case format != "":
			return formatted(name, c, format), true
		case c.plain:
			return strings.Join(c.values, ","), true
		case c.all && c.allValue != "":
			return c.allValue, true
		case !c.many:
			return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Join(c.values, "")), true
		}
		var quoted []string
		for _, v := range c.values {
			quoted = append(quoted, quotedRegexp(v))
		}
		if len(quoted) == 1 {
			return quoted[0], true
		}
		return "(" + strings.Join(quoted, "|") + ")", true
	})
}

// quotedRegexp is a regular expression, within a string of PromQL, that matches v alone.
func quotedRegexp(v string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(v), `\`, `\\`)
}

// builtin are the variables that Grafana itself has.
func (s scope) builtin(name, format string) (string, bool) {
	switch name {
	case "__interval":
		return promDuration(s.interval), true
	case "__interval_ms":
		return strconv.FormatInt(s.interval.Milliseconds(), 10), true
	case "__rate_interval":
		return promDuration(rateInterval(s.interval, s.scrape)), true
	case "__range":
		return wholeSeconds(s.span.length()) + "s", true
	case "__range_s":
		return wholeSeconds(s.span.length()), true
	case "__range_ms":
		return strconv.FormatInt(s.span.length().Milliseconds(), 10), true
	case "__from":
		return moment(s.span.from, format), true
	case "__to":
		return moment(s.span.to, format), true
	case "__url_time_range":
		return "from=" + moment(s.span.from, "") + "&to=" + moment(s.span.to, ""), true
	}
	return "", false
}

// moment is a time in milliseconds, or as ISO 8601 has it.
func moment(t time.Time, format string) string {
	switch format {
	case "date", "date:iso":
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	case "date:seconds":
		return strconv.FormatInt(t.Unix(), 10)
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// formatted is a choice in one of Grafana's formats.
func formatted(name string, c choice, format string) string {
	values := c.values
	if c.all && c.allValue != "" {
		values = []string{c.allValue}
	}
	switch format {
	case "queryparam":
		if c.all {
			values = []string{"$__all"}
		}
		var parts []string
		for _, v := range values {
			parts = append(parts, "var-"+name+"="+url.QueryEscape(v))
		}
		return strings.Join(parts, "&")
	case "percentencode":
		return url.QueryEscape(strings.Join(values, ","))
	case "pipe":
		return strings.Join(values, "|")
	case "regex":
		var quoted []string
		for _, v := range values {
			quoted = append(quoted, regexp.QuoteMeta(v))
		}
		return strings.Join(quoted, "|")
	case "text":
		return c.text()
	default: // raw, csv
		return strings.Join(values, ",")
	}
}

// words is a text for people with the values of its variables.
func (s scope) words(text string) string {
	return replaced(text, func(name, _, _ string) (string, bool) {
		c, ok := s.choices[name]
		return c.text(), ok
	})
}

// cell is what a link in a table can speak of: its own value, and those of its row.
type cell struct {
	raw string
	row map[string]string // by the names of the columns, as numbers where they are
}

// fieldOfRow is a column that a link names.
var fieldOfRow = regexp.MustCompile(`^fields\["([^"]+)"\]`)

// link is an address with the values of its variables.
func (s scope) link(address string, at cell) string {
	return replaced(address, func(name, path, format string) (string, bool) {
		switch name {
		case "__value":
			return url.QueryEscape(at.raw), true
		case "__data":
			if m := fieldOfRow.FindStringSubmatch(path); m != nil {
				return url.QueryEscape(at.row[m[1]]), true
			}
			return "", false
		}
		if v, ok := s.builtin(name, format); ok {
			return v, true
		}
		c, ok := s.choices[name]
		if !ok {
			return "", false
		}
		return formatted(name, c, format), true
	})
}

// unknown are the variables in a text that have no value.
func (s scope) unknown(text string) []string {
	var names []string
	replaced(text, func(name, _, format string) (string, bool) {
		_, chosen := s.choices[name]
		_, own := s.builtin(name, format)
		if !chosen && !own && !slices.Contains(names, name) {
			names = append(names, name)
		}
		return "", false
	})
	return names
}
