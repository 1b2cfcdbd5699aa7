package document

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	type doc struct {
		Line int
		Text string
	}
	tests := map[string]struct {
		text     string
		docs     []doc
		problems []string
	}{
		"one document":                     {"a: 1\n", []doc{{1, "a: 1\n"}}, nil},
		"no line end at the end":           {"a: 1", []doc{{1, "a: 1\n"}}, nil},
		"two documents keep their lines":   {"a: 1\n---\n\nb: 2\n", []doc{{1, "a: 1\n"}, {4, "\nb: 2\n"}}, nil},
		"a separator at the start":         {"---\na: 1\n", []doc{{2, "a: 1\n"}}, nil},
		"a separator with a comment":       {"--- # first\na: 1\n", []doc{{2, "# first\na: 1\n"}}, nil},
		"a document on its separator":      {"--- {a: 1}\n--- {b: 2}\n", []doc{{1, "{a: 1}\n"}, {2, "{b: 2}\n"}}, nil},
		"comments alone are no document":   {"# a\n---\n# b\n---\n", nil, nil},
		"nothing":                          {"", nil, nil},
		"CRLF line ends":                   {"a: 1\r\n---\r\nb: 2\r\n", []doc{{1, "a: 1\n"}, {3, "b: 2\n"}}, nil},
		"a byte order mark":                {"\ufeffa: 1\n", []doc{{1, "a: 1\n"}}, nil},
		"dashes inside a block stay":       {"a: |\n  ---\n  b\n", []doc{{1, "a: |\n  ---\n  b\n"}}, nil},
		"dashes that only begin a word":    {"---a: 1\n", []doc{{1, "---a: 1\n"}}, nil},
		"a list is no document":            {"- a\n", nil, []string{"f.yaml:1: the document is a list; it must be a mapping that starts with apiVersion"}},
		"text is no document":              {"hello\n", nil, []string{`f.yaml:1: the document is the text "hello"; it must be a mapping that starts with apiVersion`}},
		"a tab":                            {"a:\n\tb: 1\n", nil, []string{"f.yaml:2: not valid YAML: a tab indents this line; indent with spaces"}},
		"a tab in the second document":     {"a: 1\n---\nb:\n\tc: 1\n", []doc{{1, "a: 1\n"}}, []string{"f.yaml:4: not valid YAML: a tab indents this line; indent with spaces"}},
		"Latin-1":                          {"a: 1\nb: \xfcber\n", nil, []string{"f.yaml:2: this is not UTF-8 text; save the file as UTF-8"}},
		"UTF-16":                           {"\xff\xfea\x00:\x00", nil, []string{"f.yaml:1: this is not UTF-8 text; save the file as UTF-8"}},
		"an alias":                         {"a: &x 1\nb: *x\n", nil, []string{"f.yaml:2: the alias *x is refused, as a document must be readable where it stands; write the value out"}},
		"a merge key":                      {"a: &x {b: 1}\nc: {<<: *x}\n", nil, []string{"f.yaml:2: the alias *x is refused, as a document must be readable where it stands; write the value out"}},
		"the end marker, then more":        {"a: 1\n...\nb: 2\n", nil, []string{"f.yaml:2: not valid YAML: did not find expected <document start>"}},
		"too large a file is not parsed":   {strings.Repeat("a", MaxBytes+1), nil, []string{"f.yaml: the file has 1048577 bytes; split it, at most 1048576 are read"}},
		"a key that is a list is reported": {"a: 1\n---\n[1]: 2\n", []doc{{1, "a: 1\n"}, {3, "[1]: 2\n"}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, problems := Split("f.yaml", []byte(tt.text))
			var docs []doc
			for _, d := range got {
				docs = append(docs, doc{d.Line, d.Text})
			}
			if diff := cmp.Diff(tt.docs, docs); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
			var texts []string
			for _, p := range problems {
				texts = append(texts, p.String())
			}
			if diff := cmp.Diff(tt.problems, texts); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

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
		"a field given twice":       {"text: a\ntext: b\n", sample{Text: "a"}, []string{"f:2: text: given twice, first in line 1; delete one"}},
		"a label given twice":       {"labels: {a: b, a: c}\n", sample{Labels: map[string]string{"a": "b"}}, []string{"f:1: labels.a: given twice, first in line 1; delete one"}},
		"a number for text":         {"text: 5\n", sample{}, []string{`f:1: text: want text, got the number 5; quote it: "5"`}},
		"a boolean for text":        {"text: yes\n", sample{Text: "yes"}, nil},
		"true for text":             {"text: true\n", sample{}, []string{`f:1: text: want text, got the boolean true; quote it: "true"`}},
		"nothing for text":          {"text:\n", sample{}, []string{"f:1: text: want text, got nothing"}},
		"text for a number":         {"number: \"5\"\n", sample{}, []string{`f:1: number: want a whole number that is not too large, got the text "5"`}},
		"too large a number":        {"number: 128\n", sample{}, []string{"f:1: number: want a whole number that is not too large, got the number 128"}},
		"a fraction for a number":   {"number: 1.5\n", sample{}, []string{"f:1: number: want a whole number that is not too large, got the number 1.5"}},
		"a negative count":          {"count: -1\n", sample{}, []string{"f:1: count: want a whole number that is not negative and not too large, got the number -1"}},
		"infinity":                  {"ratio: .inf\n", sample{}, []string{"f:1: ratio: want a finite number, got the number .inf"}},
		"text for a flag":           {"flag: \"true\"\n", sample{Flag: new(bool)}, []string{`f:1: flag: want true or false, got the text "true"`}},
		"a mapping for a list":      {"list: {deep: a}\n", sample{}, []string{"f:1: list: want a list, got a mapping; write it as [ … ]"}},
		"a list for a mapping":      {"labels: [a]\n", sample{}, []string{"f:1: labels: want a mapping, got a list"}},
		"text for an entry":         {"list: [a]\n", sample{List: []inner{{}}}, []string{`f:1: list[0]: want a mapping, got the text "a"`}},
		"a mapping for text, deep":  {"list:\n  - deep: a\n  - deep: {b: c}\n", sample{List: []inner{{"a"}, {}}}, []string{"f:3: list[1].deep: want text, got a mapping"}},
		"a key that is no text":     {"[1, 2]: a\n", sample{}, []string{"f:1: a key must be text, this is a list"}},
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

func TestLineOf(t *testing.T) {
	docs, problems := Split("f", []byte("# comment\na:\n  b:\n    - c: 1\n    - d:\n        e: 2\n"))
	if len(docs) != 1 || len(problems) > 0 {
		t.Fatal(problems)
	}
	for path, want := range map[string]int{
		"": 2, "a": 2, "a.b": 3, "a.b[0]": 4, "a.b[0].c": 4, "a.b[1].d": 5, "a.b[1].d.e": 6,
		"a.b[1].missing": 5, "a.b[7]": 3, "missing.deep": 2,
	} {
		if got := docs[0].LineOf(path); got != want {
			t.Errorf("LineOf(%q) = %d, want %d", path, got, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"observe", "baseline", "recover"}
	for word, want := range map[string]string{
		"obsreve":                         "; did you mean observe?",
		"Recover":                         "; did you mean recover?",
		"base":                            "; known are baseline, observe, recover",
		"basline":                         "; did you mean baseline?",
		"whatever":                        "; known are baseline, observe, recover",
		"":                                "; known are baseline, observe, recover",
		strings.Repeat("observe", 10_000): "; known are baseline, observe, recover",
	} {
		if got := Suggest(word, known); got != want {
			t.Errorf("Suggest(%.20q) = %q, want %q", word, got, want)
		}
	}
	if got := Suggest("x", nil); got != "; none is known here" {
		t.Errorf("without known words: %q", got)
	}
}

func FuzzSplitAndDecode(f *testing.F) {
	for _, seed := range []string{"a: 1\n---\nb: 2\n", "text: t\nlist: [{deep: a}]\n", "a: &x [1]\nb: *x\n", "--- |\n  x\n", "? [a]\n: b\n", "...\n---\n", "{a: {a: {a: {}}}}", "\t", "!!binary a: b", "text: !!int x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		docs, problems := Split("f", []byte(text))
		lines := strings.Count(text, "\n") + 1
		for _, d := range docs {
			var into sample
			problems = append(problems, d.Decode(&into)...)
			if d.Line < 1 || d.Line > lines {
				t.Errorf("document in line %d of %d", d.Line, lines)
			}
		}
		for _, p := range problems {
			if p.Line < 0 || p.Line > lines+1 {
				t.Errorf("problem in line %d of %d: %s", p.Line, lines, p)
			}
		}
	})
}

// A file at the limit costs no more than its size asks for: this would take
// hours if lines were added one by one.
func BenchmarkSplitLargest(b *testing.B) {
	for name, unit := range map[string]string{"lines": "\n", "documents": "---\na: 1\n", "keys": "a: 1\n"} {
		b.Run(name, func(b *testing.B) {
			data := []byte(strings.Repeat(unit, MaxBytes/len(unit)))
			for b.Loop() {
				Split("f", data)
			}
		})
	}
}
