package pipelines

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	expressions = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)
	call        = regexp.MustCompile(`^(\w+)\((.*)\)$`)
)

// text puts the values of the expressions into a text. One that is nothing but an
// expression has its value, of whatever type.
func (e *expander) text(text string, params map[string]any, file string) (any, error) {
	found := expressions.FindAllStringSubmatchIndex(text, -1)
	if len(found) == 1 && found[0][0] == 0 && found[0][1] == len(text) {
		return e.value(text[found[0][2]:found[0][3]], params, file)
	}
	var b strings.Builder
	last := 0
	for _, at := range found {
		v, err := e.value(text[at[2]:at[3]], params, file)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s%v", text[last:at[0]], v)
		last = at[1]
	}
	return b.String() + text[last:], nil
}

func (e *expander) truth(expr string, params map[string]any, file string) (bool, error) {
	v, err := e.value(expr, params, file)
	yes, ok := v.(bool)
	if err == nil && !ok {
		err = fmt.Errorf("%s: %q is %v, want true or false", file, expr, v)
	}
	return yes, err
}

// value computes an expression of the few kinds that the pipelines use.
func (e *expander) value(expr string, params map[string]any, file string) (any, error) {
	expr = strings.TrimSpace(expr)
	if name, ok := strings.CutPrefix(expr, "parameters."); ok {
		v, ok := params[name]
		if !ok {
			return nil, fmt.Errorf("%s: there is no parameter %s", file, name)
		}
		return v, nil
	}
	if name, ok := strings.CutPrefix(expr, "variables['"); ok {
		v, ok := e.variables[strings.TrimSuffix(name, "']")]
		if !ok {
			return nil, fmt.Errorf("%s: %s is not known before a run begins", file, expr)
		}
		return v, nil
	}
	if strings.HasPrefix(expr, "'") && strings.HasSuffix(expr, "'") && len(expr) > 1 {
		return expr[1 : len(expr)-1], nil
	}
	m := call.FindStringSubmatch(expr)
	if m == nil {
		return nil, fmt.Errorf("%s: this test does not know the expression %q", file, expr)
	}
	var values []any
	for _, arg := range arguments(m[2]) {
		v, err := e.value(arg, params, file)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	switch {
	case m[1] == "eq" && len(values) == 2:
		return values[0] == values[1], nil
	case m[1] == "ne" && len(values) == 2:
		return values[0] != values[1], nil
	case m[1] == "and":
		for _, v := range values {
			if v != true {
				return false, nil
			}
		}
		return true, nil
	}
	return nil, fmt.Errorf("%s: this test does not know the function of %q", file, expr)
}

// arguments splits at the commas outside of parentheses.
func arguments(text string) []string {
	var out []string
	depth, last := 0, 0
	for i, c := range text {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			out = append(out, text[last:i])
			last = i + 1
		}
	}
	return append(out, text[last:])
}
