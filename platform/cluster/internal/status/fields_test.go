package status

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// managed is Argo CD's answer about one Deployment.
func managed(t *testing.T, live, wanted string) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"items": []map[string]string{
		{"group": "apps", "kind": "Deployment", "namespace": "monitor", "name": "other", "normalizedLiveState": "{}", "predictedLiveState": `{"a": 1}`},
		{"group": "apps", "kind": "Deployment", "namespace": "monitor", "name": "monitor", "normalizedLiveState": live, "predictedLiveState": wanted},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhichFieldsOfAnObjectDiffer(t *testing.T) {
	for name, tt := range map[string]struct {
		live, wanted string
		what         string
		want         []Field
	}{
		"one that was scaled":             {`{"spec": {"replicas": 5, "paused": true}}`, `{"spec": {"replicas": 3, "paused": true}}`, outOfSync, []Field{{"spec.replicas", "5", "3"}}},
		"one with more and less":          {`{"metadata": {"labels": {"a": "1", "b": "2"}}}`, `{"metadata": {"labels": {"b": "2", "c": "3"}}}`, outOfSync, []Field{{"metadata.labels.a", `"1"`, ""}, {"metadata.labels.c", "", `"3"`}}},
		"one in a list":                   {`{"c": [{"image": "a"}, {"image": "b"}]}`, `{"c": [{"image": "a"}, {"image": "x"}]}`, outOfSync, []Field{{"c[1].image", `"b"`, `"x"`}}},
		"a list that is longer":           {`{"c": [1, 2]}`, `{"c": [1]}`, outOfSync, []Field{{"c", "[1,2]", "[1]"}}},
		"a value of another kind":         {`{"c": {"a": 1}}`, `{"c": "a"}`, outOfSync, []Field{{"c", `{"a":1}`, `"a"`}}},
		"one of which nothing is known":   {`{}`, `{}`, outOfSync, nil},
		"one that is not in the cluster":  {"null", `{"spec": {}}`, missing, nil},
		"one of which nobody says a word": {"", `{"spec": {}}`, missing, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := Application{Differences: []Difference{
				{Kind: "Service", Namespace: "monitor", Name: "monitor", What: outOfSync},
				{Kind: "Deployment.apps", Namespace: "monitor", Name: "monitor", What: outOfSync},
			}}
			if err := a.Explain(managed(t, tt.live, tt.wanted)); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, a.Differences[1].Fields); d != "" || a.Differences[1].What != tt.what {
				t.Errorf("it is %s (-want +got):\n%s", a.Differences[1].What, d)
			}
			if a.Differences[0].Fields != nil {
				t.Errorf("another object has %v", a.Differences[0].Fields)
			}
		})
	}
}

func TestAnswersAboutObjectsThatCannotBeRead(t *testing.T) {
	for name, text := range map[string][]byte{
		"half of one":         []byte(`{"items": [`),
		"a page for people":   []byte("<html>"),
		"a state that is cut": managed(t, `{"spec"`, "{}"),
	} {
		t.Run(name, func(t *testing.T) {
			a := Application{Differences: []Difference{{Kind: "Deployment.apps", Namespace: "monitor", Name: "monitor", What: outOfSync}}}
			if err := a.Explain(text); !errors.Is(err, ErrAnswer) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestOfManyFieldsTheFirstAreShown(t *testing.T) {
	d := Difference{Kind: "Deployment.apps", Namespace: "monitor", Name: "monitor", What: outOfSync, Fields: make([]Field, mostFields+2)}
	for i := range d.Fields {
		d.Fields[i] = Field{"spec.x", strings.Repeat("long", 50), ""}
	}
	got := Application{Name: "monitor", Differences: []Difference{d}}.troubles()
	if len(got) != mostFields+2 || !strings.HasSuffix(got[mostFields+1], "and 2 more") || len(got[1]) > 200 || !strings.Contains(got[1], "missing in git") {
		t.Errorf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
}

func FuzzExplain(f *testing.F) {
	f.Add([]byte(`{"items": [{"group": "apps", "kind": "Deployment", "namespace": "monitor", "name": "monitor", "normalizedLiveState": "{\"a\": [1]}", "predictedLiveState": "{\"a\": [2]}"}]}`))
	f.Add([]byte(`{"items": null}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		a := Application{Differences: []Difference{{Kind: "Deployment.apps", Namespace: "monitor", Name: "monitor", What: outOfSync}}}
		if err := a.Explain(answer); err != nil && !errors.Is(err, ErrAnswer) {
			t.Errorf("another error: %v", err)
		}
		_ = a.troubles()
	})
}
