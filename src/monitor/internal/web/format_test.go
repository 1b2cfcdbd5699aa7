package web

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// formatsAt is the moment that the rows of testdata/formats.json are of.
func formatsAt() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

func rows[T any](t *testing.T, name string) []T {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var list []T
	if err := json.Unmarshal(content, &list); err != nil || len(list) == 0 {
		t.Fatalf("%s: %d rows, %v", name, len(list), err)
	}
	return list
}

func TestFiguresAreWrittenAsTheFixturesSay(t *testing.T) {
	for _, row := range rows[struct {
		Format Format
		Value  any
		Text   string
	}](t, "formats.json") {
		if got := row.Format.write(row.Value, formatsAt()); got != row.Text {
			t.Errorf("%v as %s is %q, want %q", row.Value, row.Format, got, row.Text)
		}
	}
}

func TestListsAreFoundAsTheFixturesSay(t *testing.T) {
	for _, row := range rows[struct {
		Of       any
		List     string
		Elements []any
	}](t, "lists.json") {
		got := list(row.Of, row.List)
		if got == nil {
			got = []any{}
		}
		if d := cmp.Diff(row.Elements, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", row.List, d)
		}
	}
}
