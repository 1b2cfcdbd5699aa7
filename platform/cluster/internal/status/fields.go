package status

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Field is a part of an object that differs between the cluster and git.
type Field struct {
	Path string `json:"path"` // spec.replicas
	// Cluster and Git are the values as JSON; empty where the field is missing.
	Cluster string `json:"cluster,omitempty"`
	Git     string `json:"git,omitempty"`
}

// mostFields is how many fields of one object are shown.
const mostFields = 10

// Explain reads Argo CD's answer about the objects of an application, and adds to each
// difference which fields differ. Argo CD masks the values of Secrets. The error wraps
// ErrAnswer.
func (a *Application) Explain(answer []byte) error {
	var managed struct {
		Items []struct {
			Group, Kind, Namespace, Name            string
			NormalizedLiveState, PredictedLiveState string
		}
	}
	if err := json.Unmarshal(answer, &managed); err != nil {
		return fmt.Errorf("%w of objects: %w", ErrAnswer, err)
	}
	for _, item := range managed.Items {
		kind := argoObject{Group: item.Group, Kind: item.Kind}.kind()
		i := slices.IndexFunc(a.Differences, func(d Difference) bool {
			return d.Kind == kind && d.Namespace == item.Namespace && d.Name == item.Name && d.What == outOfSync
		})
		if i < 0 {
			continue
		}
		live, err := value(item.NormalizedLiveState)
		if err != nil {
			return fmt.Errorf("%w of objects: %s %s: %w", ErrAnswer, kind, item.Name, err)
		}
		wanted, err := value(item.PredictedLiveState)
		if err != nil {
			return fmt.Errorf("%w of objects: %s %s: %w", ErrAnswer, kind, item.Name, err)
		}
		d := &a.Differences[i]
		if d.Fields = fields("", live, wanted); live == nil {
			d.What, d.Fields = missing, nil
		}
	}
	return nil
}

// value decodes JSON; an empty text is nil.
func value(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	var v any
	err := json.Unmarshal([]byte(text), &v)
	return v, err
}

// fields are the smallest parts in which two values differ, in the order of their paths.
func fields(path string, live, wanted any) []Field {
	switch l := live.(type) {
	case map[string]any:
		w, ok := wanted.(map[string]any)
		if !ok {
			break
		}
		all := maps.Clone(l)
		maps.Copy(all, w)
		var out []Field
		for _, key := range slices.Sorted(maps.Keys(all)) {
			below := key
			if path != "" {
				below = path + "." + key
			}
			out = append(out, fields(below, l[key], w[key])...)
		}
		return out
	case []any:
		w, ok := wanted.([]any)
		if !ok || len(l) != len(w) {
			break
		}
		var out []Field
		for i := range l {
			out = append(out, fields(path+"["+strconv.Itoa(i)+"]", l[i], w[i])...)
		}
		return out
	}
	if f := (Field{path, text(live), text(wanted)}); f.Cluster != f.Git {
		return []Field{f}
	}
	return nil
}

// text encodes a value as JSON, on one line; nil is an empty text.
func text(value any) string {
	if value == nil {
		return ""
	}
	out, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(out)
}
