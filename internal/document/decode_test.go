package document

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type inner struct {
	Deep string `json:"deep"`
}

type sample struct {
	inner   `json:",inline"`
	Text    string            `json:"text"`
	Number  int8              `json:"number"`
	Count   uint16            `json:"count"`
	Ratio   float64           `json:"ratio"`
	Flag    *bool             `json:"flag"`
	List    []inner           `json:"list"`
	Labels  map[string]string `json:"labels"`
	Any     any               `json:"any"`
	Hidden  string            `json:"-"`
	Untaged string
	Gone    any `json:"gone" refuse:"write text instead"`
}

func TestDecode(t *testing.T) {
	yes := true
	tests := map[string]struct {
		text     string
		want     sample
		problems []string
	}{
		"everything": {
			"deep: d\ntext: t\nnumber: -7\ncount: 65535\nratio: 2\nflag: true\nlist: [{deep: a}, {deep: b}]\nlabels: {k: v}\nany: [1]\nUntaged: u\n",
			sample{
				inner: inner{"d"}, Text: "t", Number: -7, Count: 65535, Ratio: 2, Flag: &yes,
				List: []inner{{"a"}, {"b"}}, Labels: map[string]string{"k": "v"}, Any: []any{1}, Untaged: "u",
			},
			nil,
		},
		"nothing is left as it was": {"flag: null\nlist:\nlabels: ~\n", sample{}, nil},
		"a date is text":            {"text: 2024-01-01\n", sample{Text: "2024-01-01"}, nil},
		"an unknown field":          {"txet: a\n", sample{}, []string{"f:1: txet: unknown field; did you mean text?"}},
		"another case":              {"Text: a\n", sample{}, []string{"f:1: Text: unknown field; did you mean text?"}},
		"a hidden field":            {"Hidden: a\n", sample{}, []string{"f:1: Hidden: unknown field; known are Untaged, any, count, deep, flag, labels, list, number, ratio, text"}},
		"a field that is refused":   {"text: a\ngone: [1]\n", sample{Text: "a"}, []string{"f:2: gone: is not supported: write text instead"}},
		"a refused field, empty":    {"gone:\n", sample{}, nil},
		"a refused field, mistyped": {"gome: 1\n", sample{}, []string{"f:1: gome: unknown field; known are Untaged, any, count, deep, flag, labels, list, number, ratio, text"}},
		"a field given twice":       {"text: a\ntext: b\n", sample{Text: "a"}, []string{"f:2: text: given twice, first in line 1; delete one"}},
		"a label given twice":       {"labels: {a: b, a: c}\n", sample{Labels: map[string]string{"a": "b"}}, []string{"f:1: labels.a: given twice, first in line 1; delete one"}},
		"a number for text":         {"text: 5\n", sample{}, []string{`f:1: text: want text, got the number 5; quote it: "5"`}},
		"a boolean for text":        {"text: yes\n", sample{Text: "yes"}, nil},
		"true for text":             {"text: true\n", sample{}, []string{`f:1: text: want text, got the boolean true; quote it: "true"`}},
		"nothing for text":          {"text:\n", sample{}, []string{"f:1: text: want text, got nothing"}},
		"text for a number":         {"number: \"5\"\n", sample{}, []string{`f:1: number: want a whole number that is not too large, got the text "5"; delete the quotes`}},
		"text that is not a number": {"number: \"5a\"\n", sample{}, []string{`f:1: number: want a whole number that is not too large, got the text "5a"`}},
		"quotes and another fault":  {"number: \"5.5\"\n", sample{}, []string{`f:1: number: want a whole number that is not too large, got the text "5.5"`}},
		"too large a number":        {"number: 128\n", sample{}, []string{"f:1: number: want a whole number that is not too large, got the number 128"}},
		"a fraction for a number":   {"number: 1.5\n", sample{}, []string{"f:1: number: want a whole number that is not too large, got the number 1.5"}},
		"a negative count":          {"count: -1\n", sample{}, []string{"f:1: count: want a whole number that is not negative and not too large, got the number -1"}},
		"infinity":                  {"ratio: .inf\n", sample{}, []string{"f:1: ratio: want a finite number, got the number .inf"}},
		"text for a flag":           {"flag: \"true\"\n", sample{Flag: new(bool)}, []string{`f:1: flag: want true or false, got the text "true"; delete the quotes`}},
		"a mapping for a list":      {"list: {deep: a}\n", sample{}, []string{"f:1: list: want a list, got a mapping; write it as [ … ]"}},
		"a list for a mapping":      {"labels: [a]\n", sample{}, []string{"f:1: labels: want a mapping, got a list"}},
		"text for an entry":         {"list: [a]\n", sample{List: []inner{{}}}, []string{`f:1: list[0]: want a mapping, got the text "a"`}},
		"a mapping for text, deep":  {"list:\n  - deep: a\n  - deep: {b: c}\n", sample{List: []inner{{"a"}, {}}}, []string{"f:3: list[1].deep: want text, got a mapping"}},
		"a key that is not text":    {"[1, 2]: a\n", sample{}, []string{"f:1: a key must be text, this is a list"}},
		"long text is shortened":    {"flag: " + strings.Repeat("x", 100) + "\n", sample{Flag: new(bool)}, []string{`f:1: flag: want true or false, got the text "` + strings.Repeat("x", 40) + `…"`}},
		"every problem in one go":   {"a: 1\nnumber: x\nb: 2\n", sample{}, []string{"f:1: a: unknown field; known are Untaged, any, count, deep, flag, labels, list, number, ratio, text", `f:2: number: want a whole number that is not too large, got the text "x"`, "f:3: b: unknown field; known are Untaged, any, count, deep, flag, labels, list, number, ratio, text"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			docs, problems := Split("f", []byte(tt.text))
			if len(docs) != 1 || len(problems) > 0 {
				t.Fatalf("%d documents, %v", len(docs), problems)
			}
			var got sample
			var texts []string
			for _, p := range docs[0].Decode(&got) {
				texts = append(texts, p.String())
			}
			if diff := cmp.Diff(tt.problems, texts); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(sample{})); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeStopsAtTheMostProblems(t *testing.T) {
	docs, problems := Split("f", []byte(strings.Repeat("x: 1\n", 3*MaxProblems)))
	if len(docs) != 1 || len(problems) > 0 {
		t.Fatalf("%d documents, %v", len(docs), problems)
	}
	found := docs[0].Decode(&sample{})
	if len(found) != MaxProblems+1 {
		t.Errorf("%d problems, want %d", len(found), MaxProblems+1)
	}
}

func TestShorten(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "short": "short",
		strings.Repeat("ü", 40): strings.Repeat("ü", 40),
		strings.Repeat("ü", 41): strings.Repeat("ü", 40) + "…",
	} {
		if got := Shorten(text); got != want {
			t.Errorf("Shorten(%q) = %q, want %q", text, got, want)
		}
	}
}
