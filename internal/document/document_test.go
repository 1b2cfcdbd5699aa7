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
		"one document":                      {"a: 1\n", []doc{{1, "a: 1\n"}}, nil},
		"no line end at the end":            {"a: 1", []doc{{1, "a: 1\n"}}, nil},
		"two documents keep their lines":    {"a: 1\n---\n\nb: 2\n", []doc{{1, "a: 1\n"}, {4, "\nb: 2\n"}}, nil},
		"a separator at the start":          {"---\na: 1\n", []doc{{2, "a: 1\n"}}, nil},
		"a separator with a comment":        {"--- # first\na: 1\n", []doc{{2, "# first\na: 1\n"}}, nil},
		"a document on its separator":       {"--- {a: 1}\n--- {b: 2}\n", []doc{{1, "{a: 1}\n"}, {2, "{b: 2}\n"}}, nil},
		"comments alone are not a document": {"# a\n---\n# b\n---\n", nil, nil},
		"nothing":                           {"", nil, nil},
		"CRLF line ends":                    {"a: 1\r\n---\r\nb: 2\r\n", []doc{{1, "a: 1\n"}, {3, "b: 2\n"}}, nil},
		"a byte order mark":                 {"\ufeffa: 1\n", []doc{{1, "a: 1\n"}}, nil},
		"dashes inside a block stay":        {"a: |\n  ---\n  b\n", []doc{{1, "a: |\n  ---\n  b\n"}}, nil},
		"dashes that only begin a word":     {"---a: 1\n", []doc{{1, "---a: 1\n"}}, nil},
		"a list is not a document":          {"- a\n", nil, []string{"f.yaml:1: the document is a list; it must be a mapping that starts with apiVersion"}},
		"text is not a document":            {"hello\n", nil, []string{`f.yaml:1: the document is the text "hello"; it must be a mapping that starts with apiVersion`}},
		"a tab":                             {"a:\n\tb: 1\n", nil, []string{"f.yaml:2: not valid YAML: a tab indents this line; indent with spaces"}},
		"a tab in the second document":      {"a: 1\n---\nb:\n\tc: 1\n", []doc{{1, "a: 1\n"}}, []string{"f.yaml:4: not valid YAML: a tab indents this line; indent with spaces"}},
		"Latin-1":                           {"a: 1\nb: \xfcber\n", nil, []string{"f.yaml:2: this is not UTF-8 text; save the file as UTF-8"}},
		"UTF-16":                            {"\xff\xfea\x00:\x00", nil, []string{"f.yaml:1: this is not UTF-8 text; save the file as UTF-8"}},
		"an alias":                          {"a: &x 1\nb: *x\n", nil, []string{"f.yaml:2: the alias *x is refused, as a document must be readable where it stands; write the value out"}},
		"a merge key":                       {"a: &x {b: 1}\nc: {<<: *x}\n", nil, []string{"f.yaml:2: the alias *x is refused, as a document must be readable where it stands; write the value out"}},
		"the end marker, then more":         {"a: 1\n...\nb: 2\n", nil, []string{"f.yaml:3: not valid YAML: did not find expected <document start>"}},
		"a list that is not closed":         {"a: 1\n---\nb: 1\nc: [\nd: 1\n", []doc{{1, "a: 1\n"}}, []string{"f.yaml:4: not valid YAML: did not find expected ',' or ']'"}},
		"a list that ends nowhere":          {"c: [\n", nil, []string{"f.yaml:1: not valid YAML: did not find expected node content"}},
		"a colon too many":                  {"a: 1\nb: c: d\n", nil, []string{"f.yaml:2: not valid YAML: mapping values are not allowed in this context"}},
		"an indentation that fits nothing":  {"a:\n    b: 1\n  c: 2\n", nil, []string{"f.yaml:3: not valid YAML: did not find expected key"}},
		"a quote that is not closed":        {"a: 1\nb: \"c\nd: 1\n", nil, []string{"f.yaml:2: not valid YAML: found unexpected end of stream"}},
		"too large a file is not parsed":    {strings.Repeat("a", MaxBytes+1), nil, []string{"f.yaml: the file has 1048577 bytes; split it, at most 1048576 are read"}},
		"a thousand documents":              {strings.Repeat("--- # a\n", MaxDocuments), nil, nil},
		"too many documents are not parsed": {strings.Repeat("---\na: 1\n", MaxDocuments+1), nil, []string{"f.yaml:2002: the file has 1001 documents, the first too many starts here; split it, at most 1000 are read"}},
		"blank documents do not count":      {strings.Repeat("---\n \n", MaxDocuments+1) + "a: 1", []doc{{2003, " \na: 1\n"}}, nil},
		"a value as long as they may be":    {"a: " + strings.Repeat("x", MaxValue), []doc{{1, "a: " + strings.Repeat("x", MaxValue) + "\n"}}, nil},
		"a longer value":                    {"a: 1\nb:\n  c: " + strings.Repeat("x", MaxValue+1), nil, []string{`f.yaml:3: "` + strings.Repeat("x", 40) + `…" has 8193 bytes; shorten it, at most 8192 are read`}},
		"a longer key":                      {"a: {? " + strings.Repeat("k", MaxValue+1) + " : 1}", nil, []string{`f.yaml:1: "` + strings.Repeat("k", 40) + `…" has 8193 bytes; shorten it, at most 8192 are read`}},
		"a key that is a list is reported":  {"a: 1\n---\n[1]: 2\n", []doc{{1, "a: 1\n"}, {3, "[1]: 2\n"}}, nil},
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
