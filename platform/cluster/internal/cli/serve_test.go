package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestADependencyGetsTheVersionThatTheChartAsksFor(t *testing.T) {
	const upstream = "apiVersion: v2\nname: chaos-mesh\nversion: 0.0.0-dev # not known here\nappVersion: latest\ndependencies:\n  - name: dashboard\n    version: 1.0.0\n"
	const want = "apiVersion: v2\nname: chaos-mesh\nversion: 2.8.3\nappVersion: latest\ndependencies:\n  - name: dashboard\n    version: 1.0.0\n"
	for name, tt := range map[string]struct{ chart, says string }{
		"plain":                      {"name: chaos\nversion: 0.1.0\ndependencies:\n  - name: chaos-mesh\n    version: 2.8.3\n", ""},
		"in quotes":                  {"name: chaos\nversion: 0.1.0\ndependencies:\n  - name: chaos-mesh\n    version: \"2.8.3\"\n", ""},
		"after other keys":           {"dependencies:\n  - name: chaos-mesh\n    repository: https://x\n    version: 2.8.3\n", ""},
		"beside other dependencies":  {"dependencies:\n  - name: other\n    version: 9.9.9\n  - name: chaos-mesh\n    version: 2.8.3\n  - name: more\n    version: 8.8.8\n", ""},
		"of no dependency":           {"name: chaos\nversion: 0.1.0\n", "names no dependency chaos-mesh"},
		"of one without a version":   {"name: chaos\nversion: 0.1.0\ndependencies:\n  - name: chaos-mesh\n    repository: https://x\n", "names no version of chaos-mesh"},
		"of one with an empty one":   {"dependencies:\n  - name: chaos-mesh\n    version: \"\"\n", "names no version of chaos-mesh"},
		"of this repository's chart": {read(t, filepath.Join("..", "..", "..", "helm", "chaos", "Chart.yaml")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			chart, dependency := filepath.Join(t.TempDir(), "Chart.yaml"), filepath.Join(t.TempDir(), "Chart.yaml")
			write(t, chart, tt.chart)
			write(t, dependency, upstream)
			err := pinned(dependency, chart)
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), chart+" "+tt.says) || read(t, dependency) != upstream {
					t.Errorf("%v, want %q: %s", err, tt.says, read(t, dependency))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// This repository's moves on; the others say 2.8.3.
			got := read(t, dependency)
			if name == "of this repository's chart" {
				got = strings.Replace(got, "version: "+appVersion(tt.chart)+"\n", "version: 2.8.3\n", 1)
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if read(t, chart) != tt.chart {
				t.Error("the chart itself was changed")
			}
		})
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "chart"), "- name: chaos-mesh\n  version: 1\n")
	if err := pinned(filepath.Join(dir, "absent"), filepath.Join(dir, "chart")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a dependency that is not there: %v", err)
	}
	if err := pinned(filepath.Join(dir, "chart"), filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a chart that is not there: %v", err)
	}
}

// appVersion is the release that a chart says it is of.
func appVersion(chart string) string {
	_, after, _ := strings.Cut(chart, "\nappVersion: ")
	version, _, _ := strings.Cut(after, "\n")
	return version
}

func TestACopyHasNoLinks(t *testing.T) {
	from, elsewhere, to := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "charts", "copy")
	write(t, filepath.Join(elsewhere, "_shared.tpl"), "shared")
	write(t, filepath.Join(elsewhere, "crds", "one.yaml"), "definition")
	write(t, filepath.Join(from, "templates", "own.yaml"), "own")
	write(t, filepath.Join(from, ".helmignore"), "hidden")
	for link, target := range map[string]string{"templates/_shared.tpl": "_shared.tpl", "crds": "crds"} {
		if err := os.Symlink(filepath.Join(elsewhere, target), filepath.Join(from, link)); err != nil {
			t.Fatal(err)
		}
	}
	// In the module cache nothing may be written to.
	if err := os.Chmod(filepath.Join(from, "templates", "own.yaml"), 0o444); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(to, "left-over"), "of the copy before")
	if err := copyTree(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Mode().Perm()&0o200 == 0 {
			t.Errorf("%s is %s", path, info.Mode())
		}
		name, err := filepath.Rel(to, path)
		got[name] = read(t, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"templates/own.yaml": "own", "templates/_shared.tpl": "shared", "crds/one.yaml": "definition", ".helmignore": "hidden"}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s is %q, want %q", name, got[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("copied: %q", got)
	}
}

func TestWhatCannotBeCopied(t *testing.T) {
	dangling := t.TempDir()
	if err := os.Symlink(filepath.Join(dangling, "absent"), filepath.Join(dangling, "link")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for name, tt := range map[string]struct{ from, to string }{
		"what there is not":     {filepath.Join(t.TempDir(), "absent"), filepath.Join(t.TempDir(), "to")},
		"a link that leads off": {dangling, filepath.Join(t.TempDir(), "to")},
		"into a file":           {t.TempDir(), filepath.Join(file, "to")},
	} {
		t.Run(name, func(t *testing.T) {
			if err := copyTree(t.Context(), tt.from, tt.to); err == nil {
				t.Error("it was copied")
			}
		})
	}
}

func TestAServerNeedsADirectoryForItsSecrets(t *testing.T) {
	if err := serve(t.Context(), []string{filepath.Join(t.TempDir(), "absent")}, io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
