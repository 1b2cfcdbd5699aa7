package web

import (
	"maps"
	"slices"
	"strings"
)

// at returns what a path of names leads to in decoded JSON; nil where it
// leads nowhere.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// list returns the elements that an expression stands for: paths separated
// by |, in which * stands for every name, sorted. An element of an object gets
// the name, as collector, unless it has one.
func list(v any, expression string) []any {
	var all []any
	for path := range strings.SplitSeq(expression, "|") {
		before, after, starred := strings.Cut(path, "*")
		if !starred {
			elements, _ := at(v, path).([]any)
			all = append(all, elements...)
			continue
		}
		objects, _ := at(v, strings.TrimSuffix(before, ".")).(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(objects)) {
			var found any = []any{objects[name]}
			if after != "" {
				found = at(objects[name], strings.TrimPrefix(after, "."))
			}
			elements, _ := found.([]any)
			for _, e := range elements {
				if object, ok := e.(map[string]any); ok {
					named := maps.Clone(object)
					named["collector"] = name
					all = append(all, named)
				}
			}
		}
	}
	return all
}
