package ruletest

import (
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// selected are labels of a series that all of these matchers select and, unless avoid is
// empty, that those of avoid as a whole do not. fixed are labels that it has in any case.
func selected(want, avoid []*labels.Matcher, fixed map[string]string) (map[string]string, bool) {
	series := map[string]string{}
	for name, options := range candidates(slices.Concat(want, avoid), fixed) {
		i := slices.IndexFunc(options, func(value string) bool { return allows(want, name, value) })
		if i < 0 {
			return nil, false
		}
		series[name] = options[i]
	}
	if len(avoid) == 0 || !selects(avoid, series) {
		return series, true
	}
	for _, m := range avoid {
		for _, value := range candidates(slices.Concat(want, avoid), fixed)[m.Name] {
			if allows(want, m.Name, value) && !m.Matches(value) {
				series[m.Name] = value
				return series, true
			}
		}
	}
	return nil, false
}

// candidates are values to try for each label, the likeliest first.
func candidates(matchers []*labels.Matcher, fixed map[string]string) map[string][]string {
	all := map[string][]string{}
	for name, value := range fixed {
		all[name] = []string{value}
	}
	for _, m := range matchers {
		if _, is := fixed[m.Name]; is {
			continue
		}
		switch m.Type {
		case labels.MatchEqual, labels.MatchNotEqual:
			all[m.Name] = append(all[m.Name], m.Value)
		default:
			all[m.Name] = append(append(all[m.Name], m.SetMatches()...), examples(m.Value)...)
		}
	}
	for name := range all {
		if _, is := fixed[name]; !is {
			all[name] = append(all[name], "other", "0", "")
		}
	}
	return all
}

func allows(matchers []*labels.Matcher, name, value string) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return m.Name == name && !m.Matches(value) })
}

func selects(matchers []*labels.Matcher, series map[string]string) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(series[m.Name]) })
}

// examples are texts that a regular expression matches as a whole: one for each of its
// alternatives.
func examples(expr string) []string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	if re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	if re.Op != syntax.OpAlternate {
		return characters(re)
	}
	var all []string
	for _, sub := range re.Sub {
		all = append(all, characters(sub)...)
	}
	return all
}

// characters are the examples of an alternative: where it is one of few characters, which
// the parser makes of a|b, all of these.
func characters(re *syntax.Regexp) []string {
	const few = 16
	var all []string
	if re.Op == syntax.OpCharClass {
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1] && len(all) <= few; r++ {
				all = append(all, string(r))
			}
		}
	}
	if len(all) == 0 || len(all) > few {
		return []string{example(re)}
	}
	return all
}

func example(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		return string(printable(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "0"
	case syntax.OpCapture, syntax.OpAlternate, syntax.OpPlus:
		return example(re.Sub[0])
	case syntax.OpRepeat:
		return strings.Repeat(example(re.Sub[0]), re.Min)
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(example(sub))
		}
		return b.String()
	default: // nothing, or the ends of the text
		return ""
	}
}

// printable is a character of a class, given as pairs of first and last: if it can be, one
// that is easy to read.
func printable(class []rune) rune {
	for _, r := range "0aA_-." {
		for i := 0; i+1 < len(class); i += 2 {
			if class[i] <= r && r <= class[i+1] {
				return r
			}
		}
	}
	if len(class) == 0 {
		return '0'
	}
	return class[0]
}

// notation writes a series as PromQL does.
func notation(series map[string]string) string {
	name := series[model.MetricNameLabel]
	var pairs []string
	if !model.LegacyValidation.IsValidMetricName(name) && name != "" {
		pairs, name = append(pairs, strconv.Quote(name)), ""
	}
	for _, l := range slices.Sorted(maps.Keys(series)) {
		if l == model.MetricNameLabel || series[l] == "" {
			continue
		}
		written := l
		if !model.LegacyValidation.IsValidLabelName(l) {
			written = strconv.Quote(l)
		}
		pairs = append(pairs, written+"="+strconv.Quote(series[l]))
	}
	return name + "{" + strings.Join(pairs, ", ") + "}"
}

// written are matchers as they stand in a selector.
func written(matchers []*labels.Matcher) string {
	var all []string
	for _, m := range matchers {
		all = append(all, m.String())
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// matchersOf are those of a selector.
func matchersOf(selector string) ([]*labels.Matcher, error) {
	matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector(selector)
	if err != nil {
		return nil, fmt.Errorf("read the selector %s: %w", selector, err)
	}
	return matchers, nil
}
