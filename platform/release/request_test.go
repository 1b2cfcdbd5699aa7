package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// azure is a program that answers as the Azure CLI, and writes down what it was asked.
func azure(t *testing.T, list string, create int) (program, log string) {
	t.Helper()
	dir := t.TempDir()
	program, log = filepath.Join(dir, "az"), filepath.Join(dir, "log")
	script := "#!/bin/sh\necho \"$*\" >>" + log + "\ncase \"$3\" in\nlist) echo '" + list + "' ;;\n*) echo 'TF400813: not authorized' >&2; exit " + string(rune('0'+create)) + " ;;\nesac\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return program, log
}

func TestAPullRequestIsAskedForOnce(t *testing.T) {
	const asked = `{"changed":true,"environment":"dev","title":"Promote a to dev","description":"Why","sourceBranch":"promote/dev/a","targetBranch":"main","commit":"c"}`
	const back = `{"proposed":true,"environment":"prod","title":"Revert \"Promote a to prod\"","description":"Why","sourceBranch":"rollback/prod-a","targetBranch":"main","commit":"c"}`
	for title, tt := range map[string]struct {
		of, list string
		create   int
		code     int
		out, err string
		calls    int
	}{
		"one that is new":           {asked, "[]", 0, exitOK, "promote/dev/a: Promote a to dev", "", 2},
		"one that is there":         {asked, `[{"pullRequestId":1}]`, 0, exitOK, "branch promote/dev/a has a pull request already", "", 1},
		"none, as nothing changed":  {`{"changed":false,"environment":"dev"}`, "[]", 0, exitOK, "dev runs this pair already", "", 0},
		"one that is not allowed":   {asked, "[]", 1, exitUnavailable, "", "not authorized", 2},
		"one without a branch":      {`{"changed":true,"title":"x"}`, "[]", 0, exitInvalid, "", "lacks title, sourceBranch or targetBranch", 0},
		"one of something else":     {"Promote", "[]", 0, exitInvalid, "", "is not what `ballast promote --pull-request` or `ballast rollback --format json` prints", 0},
		"of a rollback":             {back, "[]", 0, exitOK, `rollback/prod-a: Revert "Promote a to prod"`, "", 2},
		"of a rollback, refused":    {back, `[{"pullRequestId":1,"status":"abandoned"}]`, 0, exitOK, "branch rollback/prod-a has a pull request already", "", 1},
		"none, as nothing burns":    {`{"proposed":false,"environment":"prod","why":"no budget has begun to burn"}`, "[]", 0, exitOK, "prod stays: no budget has begun to burn", "", 0},
		"a rollback without branch": {`{"proposed":true,"title":"x"}`, "[]", 0, exitInvalid, "", "lacks title, sourceBranch or targetBranch", 0},
		"with an answer of no list": {asked, "hello", 0, exitUnavailable, "", "printed something else than a list", 1},
	} {
		t.Run(title, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "promotion.json")
			if err := os.WriteFile(file, []byte(tt.of), 0o600); err != nil {
				t.Fatal(err)
			}
			program, log := azure(t, tt.list, tt.create)
			code, out, stderr := call("pull-request", "--of="+file, "--az="+program)
			if code != tt.code || !strings.Contains(out, tt.out) || !strings.Contains(stderr, tt.err) {
				t.Errorf("exit %d, want %d, %q and %q: %s%s", code, tt.code, tt.out, tt.err, out, stderr)
			}
			said, _ := os.ReadFile(log)
			if got := strings.Count(string(said), "repos pr "); got != tt.calls {
				t.Errorf("%d calls, want %d:\n%s", got, tt.calls, said)
			}
			// An abandoned pull request counts for a rollback only.
			if status := map[bool]string{true: "--status=all", false: "--status=active"}[tt.of == back]; tt.calls > 0 && !strings.Contains(string(said), status) {
				t.Errorf("want %s:\n%s", status, said)
			}
		})
	}
}

func TestALongDescriptionSaysWhereTheRestIs(t *testing.T) {
	r := request{Description: strings.Repeat("ä", 5000), Commit: "abc"}
	if got := r.brief(); utf8.RuneCountInString(got) != longestDescription || !strings.HasSuffix(got, "The message of commit abc has the rest.") {
		t.Errorf("%d characters: …%s", utf8.RuneCountInString(got), got[len(got)-60:])
	}
	r.Description = strings.Repeat("ä", longestDescription)
	if got := r.brief(); got != r.Description {
		t.Error("one that fits was cut")
	}
}
