package promserver_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/value"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

func TestWhatIsExportedIsReadAgain(t *testing.T) {
	at := func(second int, v float64) prom.Sample {
		return prom.Sample{T: noon.Add(time.Duration(second) * time.Second), V: v}
	}
	ended := math.Float64frombits(value.StaleNaN)
	up := series("up", at(0, 1), at(15, 0), at(30, 1))
	up.Labels["pod"] = "a \"quoted\" \\ name\nof two lines"
	alert := series("ALERTS", at(0, 1), at(15, ended))
	alert.Labels["alertname"] = "Down"
	all := []prom.Series{alert, series("job:errors:ratio", at(0, 0.25), at(15, math.Inf(1))), up}
	s := open(t, promserver.Config{})
	if err := s.Backfill(t.Context(), append(all, series("old", at(-60, 1)))); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := s.Export(t.Context(), &text, noon, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	got, err := promserver.ReadSamples(text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b prom.Sample) bool {
		apart := a.T.Sub(b.T).Abs() // readers of the format cut off what is less than a millisecond
		return apart <= time.Millisecond && math.Float64bits(a.V) == math.Float64bits(b.V)
	})
	if d := cmp.Diff(all, got, same); d != "" {
		t.Errorf("-written +read:\n%s\n%s", d, &text)
	}
	// What has ended is no longer there, as where it was written.
	again := open(t, promserver.Config{History: got})
	c := inProcess(t, again, prom.Config{})
	if _, err := c.Instant(t.Context(), "ALERTS", noon.Add(20*time.Second)); !missing(prom.Sample{}, err) {
		t.Errorf("an alert that has ended: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Export(t.Context(), &text, noon, noon); err == nil {
		t.Error("a server that is closed exports")
	}
}

func TestSamplesThatCannotBeAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"up 1 1700000000\n": "EOF", // it was cut off
		"up 1\n# EOF\n":     "without a time",
		"up 1 1700000000\nup 0 1700000000\n# EOF\n": "is not after the one before it",
		"up 1 1700000000\nup 0 1600000000\n# EOF\n": "is not after the one before it",
		"up{ 1 1700000000\n# EOF\n":                 "read samples",
		"not a line at all, but some text\n# EOF\n": "read samples",
		`up{a="b"} one 1700000000` + "\n# EOF\n":    "read samples",
	} {
		if _, err := promserver.ReadSamples([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if all, err := promserver.ReadSamples([]byte("# EOF\n")); err != nil || len(all) > 0 {
		t.Errorf("nothing: %v, %v", all, err)
	}
}

func FuzzReadSamples(f *testing.F) {
	f.Add([]byte("# TYPE a counter\na_total{b=\"c\"} 1 1700000000.5\na_total{b=\"c\"} NaN 1700000001\n# EOF\n"))
	f.Add([]byte("up 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := promserver.ReadSamples(text)
		if err != nil {
			return
		}
		for _, s := range all {
			if s.Labels["__name__"] == "" {
				t.Errorf("a series without a name: %v", s.Labels)
			}
			for i, p := range s.Points[1:] {
				if !p.T.After(s.Points[i].T) {
					t.Errorf("%v: %v after %v", s.Labels, p, s.Points[i])
				}
			}
		}
	})
}
