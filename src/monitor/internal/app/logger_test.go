package app

import (
	"bytes"
	"log/slog"
	"testing"
	"time"
)

func TestTimesAreLoggedInUTC(t *testing.T) {
	var b bytes.Buffer
	east := time.Date(2026, 7, 1, 1, 30, 0, 0, time.FixedZone("east", 2*60*60))
	r := slog.NewRecord(east, slog.LevelInfo, "hello", 0)
	r.AddAttrs(slog.Time("since", east), slog.Group("reading", slog.Time("at", east)))
	if err := newLogger(&b, slog.LevelInfo).Handler().Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	const at = `"2026-06-30T23:30:00Z"`
	want := `{"time":` + at + `,"level":"INFO","msg":"hello","since":` + at + `,"reading":{"at":` + at + "}}\n"
	if got := b.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLinesBelowTheLevelAreLeftOut(t *testing.T) {
	var b bytes.Buffer
	newLogger(&b, slog.LevelWarn).InfoContext(t.Context(), "hello")
	if b.Len() != 0 {
		t.Errorf("logged %s", b.String())
	}
}
