package policy

import (
	"strings"
	"testing"
)

func TestAStreamIsCutIntoWhatSaysSomething(t *testing.T) {
	for name, tt := range map[string]struct {
		stream string
		want   []string
		fails  bool
	}{
		"nothing":                          {"", nil, false},
		"one document":                     {"a: 1\n", []string{"a: 1"}, false},
		"several, and one of comments":     {"---\na: 1\n---\n# nothing\n---\nb: 2\n", []string{"a: 1", "b: 2"}, false},
		"what is before a broken document": {"a: 1\n---\nb: [\n---\nc: 3\n", []string{"a: 1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			docs, err := Documents(tt.stream)
			var got []string
			for _, d := range docs {
				got = append(got, strings.TrimSpace(strings.TrimPrefix(string(d), "---\n")))
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") || (err != nil) != tt.fails {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
