package git

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
)

// built is what is known of the last image of a name.
type built struct {
	Commit string   `json:"commit"`
	Inputs []string `json:"inputs"` // files and directories that it is made of
	Digest string   `json:"digest"`
}

func (b *Builder) note(name string) string { return filepath.Join(b.Work, name+".json") }

func (b *Builder) last(name string) (built, error) {
	var last built
	text, err := os.ReadFile(b.note(name))
	if err != nil {
		return last, err
	}
	return last, json.Unmarshal(text, &last)
}

// same says whether a commit has what an image was made of: it need not be built to
// be known, which would take seconds in which somebody waits.
func (b *Builder) same(ctx context.Context, last built, commit string) bool {
	if len(last.Inputs) == 0 {
		return false
	}
	args := append([]string{"--git-dir=" + b.Server.Path(b.Repository), "diff", "--quiet", last.Commit, commit, "--"}, last.Inputs...)
	_, err := command(ctx, "", args...)
	return err == nil
}

// Cold says whether an image has yet to be built for the first time.
func (b *Builder) Cold() bool {
	return slices.ContainsFunc(b.Images, func(name string) bool {
		_, err := b.last(name)
		return err != nil
	})
}
