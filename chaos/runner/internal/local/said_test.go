package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestALogIsReadInItsWindow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "monitor-a.log")
	from := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	text := strings.Repeat(`{"time":"2026-03-04T11:00:00Z","msg":"long ago"}`+"\n", 8000) + // more than is read
		`{"time":"2026-03-04T11:59:59Z","level":"INFO","msg":"before"}
{"time":"2026-03-04T12:00:01Z","level":"INFO","msg":"draining"}
goroutine 1 [running]:
{"time":"2026-03-04T12:00:09Z","level":"INFO","msg":"after"}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readLog(path, "monitor-a", from, from.Add(5*time.Second))
	if err != nil || len(got) != 2 {
		t.Fatalf("%v %v", got, err)
	}
	if got[0].Source != "monitor-a" || !strings.Contains(got[0].Text, "draining") || !got[1].At.Equal(got[0].At) || got[1].Text != "goroutine 1 [running]:" {
		t.Errorf("got %+v", got)
	}
	if _, err := readLog(path+".gone", "x", from, from); err == nil {
		t.Error("a log that is not there was read")
	}
}

func TestTheTimeOfALineIsItsOwn(t *testing.T) {
	for line, known := range map[string]bool{
		`{"time":"2026-03-04T11:59:59.5+01:00"}`: true,
		`{"msg":"no time"}`:                      false,
		`{"time":"today"}`:                       false,
		`panic: x`:                               false,
		``:                                       false,
	} {
		if _, ok := timeOf(line); ok != known {
			t.Errorf("%q: %v", line, ok)
		}
	}
}
