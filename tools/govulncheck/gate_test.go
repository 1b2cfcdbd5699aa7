// Package govulncheck proves the gate of a release with the real scanner: it looks at this
// repository's own image, with databases made here that name what is in it. `make
// release-check` runs it.
package govulncheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

var (
	release = flag.String("release", "", "the program bin/release")
	scanner = flag.String("scanner", "", "the program govulncheck")
	record  = flag.String("record", "", "directory that gets what the scanner printed, for the tests of platform/release")
)

// entry is one of the database, of which a function is vulnerable in every version so far.
type entry struct{ id, module, pkg, symbol string }

// database makes a vulnerability database: https://go.dev/doc/security/vuln/database.
func database(t *testing.T, modified time.Time, entries ...entry) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, value any) {
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := modified.UTC().Format(time.RFC3339)
	modules := []any{}
	for _, e := range entries {
		modules = append(modules, map[string]any{"path": e.module, "vulns": []any{map[string]any{"id": e.id, "modified": at, "fixed": "9999.0.0"}}})
		write("ID/"+e.id+".json", map[string]any{
			"schema_version": "1.3.1", "id": e.id, "modified": at, "published": at, "summary": "Made for a test", "details": "Made for a test.",
			"affected": []any{map[string]any{
				"package":            map[string]any{"name": e.module, "ecosystem": "Go"},
				"ranges":             []any{map[string]any{"type": "SEMVER", "events": []any{map[string]any{"introduced": "0"}, map[string]any{"fixed": "9999.0.0"}}}},
				"ecosystem_specific": map[string]any{"imports": []any{map[string]any{"path": e.pkg, "symbols": []string{e.symbol}}}},
			}},
			"database_specific": map[string]any{"url": "https://example.org/" + e.id, "review_status": "REVIEWED"},
		})
	}
	write("index/db.json", map[string]any{"modified": at})
	write("index/modules.json", modules)
	return "file://" + dir
}

// linked is a function of the monitor's image; idle is one of a package that is not in it, of
// a module that is. The image has no symbol table, so that the scanner cannot tell them apart.
func linked() entry {
	return entry{"GO-2026-90001", "github.com/gin-gonic/gin", "github.com/gin-gonic/gin", "New"}
}

func idle() entry {
	return entry{"GO-2026-90002", "github.com/prometheus/client_golang", "github.com/prometheus/client_golang/prometheus/push", "New"}
}

func run(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), *release, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode(), stdout.String() + stderr.String()
	case err != nil:
		t.Fatal(err)
	}
	return 0, stdout.String() + stderr.String()
}

func TestTheGateWithTheRealScanner(t *testing.T) {
	if *release == "" || *scanner == "" {
		t.Skip("make release-check builds both and runs this")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "release")
	if code, out := run(t, "build", "--dir="+dir, "--root="+root, "--image=monitor", "--arch="+runtime.GOARCH, "--revision=0000000000000000000000000000000000000000"); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	now := time.Now()
	exceptions := filepath.Join(t.TempDir(), "exceptions.yaml")
	text := "apiVersion: ballast.dev/v1alpha1\nkind: ScanExceptions\nmetadata: {name: exceptions}\nspec:\n  exceptions:\n    - {id: GO-2026-90001, image: monitor, reason: A test., until: \"9999-12-31\"}\n"
	if err := os.WriteFile(exceptions, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(root, "platform/release/exceptions.yaml")
	for title, tt := range map[string]struct {
		database, exceptions string
		code                 int
		says                 string
	}{
		"a database that knows of nothing":        {database(t, now), none, 0, "clean by govulncheck"},
		"a function that is linked":               {database(t, now, linked()), none, 1, "GO-2026-90001 in github.com/gin-gonic/gin@"},
		"a function that is linked, and excepted": {database(t, now, linked()), exceptions, 0, "excepted until 9999-12-31"},
		"a package of a module that is linked":    {database(t, now, idle()), none, 1, "GO-2026-90002 in github.com/prometheus/client_golang@"},
		"a module that is not linked":             {database(t, now, entry{"GO-2026-90003", "example.org/nobody", "example.org/nobody", "Do"}), none, 0, "clean by govulncheck"},
		"a database that is old":                  {database(t, now.AddDate(0, -3, 0)), none, 3, "fetch the database again"},
		"no database":                             {"file://" + t.TempDir(), none, 3, "not scanned"},
		"a database out of reach":                 {"http://127.0.0.1:1", none, 3, "not scanned"},
	} {
		t.Run(title, func(t *testing.T) {
			code, out := run(t, "scan", "--dir="+dir, "--scanner="+*scanner, "--database="+tt.database, "--exceptions="+tt.exceptions)
			t.Log(out)
			if code != tt.code || !strings.Contains(out, tt.says) || code != 0 && strings.HasPrefix(out, "clean") {
				t.Errorf("exit %d, want %d and %q", code, tt.code, tt.says)
			}
		})
	}
	if *record == "" {
		return
	}
	program := filepath.Join(dir, "monitor", "program-"+runtime.GOARCH)
	for file, db := range map[string]string{"clean.json": database(t, now), "vulnerable.json": database(t, now, linked(), idle())} {
		out, err := exec.CommandContext(t.Context(), *scanner, "-mode=binary", "-format=json", "-db="+db, program).Output()
		if err != nil {
			t.Fatal(err)
		}
		out = bytes.ReplaceAll(out, []byte(now.UTC().Format(time.RFC3339)), []byte("2026-11-30T00:00:00Z"))
		out = bytes.ReplaceAll(out, []byte(db), []byte("file:///database"))
		out = bytes.ReplaceAll(out, []byte(filepath.Dir(dir)), []byte(""))
		if err := os.WriteFile(filepath.Join(*record, file), out, 0o600); err != nil {
			t.Fatal(err)
		}
		if file == "clean.json" {
			undated := regexp.MustCompile(`\s*"db_last_modified": "[^"]*",?`).ReplaceAll(out, nil)
			if err := os.WriteFile(filepath.Join(*record, "undated.json"), undated, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
