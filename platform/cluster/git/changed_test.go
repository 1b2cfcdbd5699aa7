package git

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// Argo CD compares an application anew only when one of its files is among these.
func TestEveryFileThatAPushTouchesIsNamed(t *testing.T) {
	dir := checkout(t)
	commit(t, dir, "Änderung", "a text that is long enough to be recognised when it is moved\n")
	last := commit(t, dir, "stays", "as it is")
	steps := []struct {
		does string
		git  []string
		want []string
	}{
		{"the first push names all that there is", nil, []string{"README", "stays", "Änderung"}},
		{"a moved file has two names", []string{"mv", "Änderung", "moved"}, []string{"moved", "Änderung"}},
		{"a removed file is named", []string{"rm", "--quiet", "moved"}, []string{"moved"}},
	}
	s := serve(t, func(Push, io.Writer) error { return nil })
	b := &Builder{Server: s.Server}
	old := strings.Repeat("0", len(last))
	for _, step := range steps {
		t.Run(step.does, func(t *testing.T) {
			if step.git != nil {
				must(t, dir, step.git...)
				must(t, dir, "commit", "--quiet", "--message", fmt.Sprint(step.git))
			}
			must(t, dir, "push", "--quiet", s.remote(token, "shop"), "HEAD:main")
			head := must(t, dir, "rev-parse", "HEAD")
			got, err := b.changed(t.Context(), Push{Repository: "shop", Old: old, New: head})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if !slices.Equal(got, step.want) {
				t.Errorf("got %q, want %q", got, step.want)
			}
			old = head
		})
	}
}
