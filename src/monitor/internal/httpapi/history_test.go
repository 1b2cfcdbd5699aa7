package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/src/monitor/internal/history"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

// withHistory is an API whose history has readings of 25 seconds up to now.
func withHistory(t testing.TB) *fixture {
	t.Helper()
	h, err := history.New(history.Config{Collectors: sample.Names(), Interval: time.Second, Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := 24; i >= 0; i-- {
		s := sampletest.Fixture(now.Add(-time.Duration(i) * time.Second))
		s.Memory.UsedPercent = new(float64(24 - i))
		h.Record(s)
	}
	f := newFixture(t, sample.Names()...)
	f.cfg.History = h
	f.get("/api/v1/history", f.history)
	return f
}

type rows struct {
	From, To time.Time
	Series   []struct {
		Series, Item string
		Samples      [][2]float64
		Buckets      [][4]float64
	}
}

func historyOf(t *testing.T, f *fixture, query string) rows {
	t.Helper()
	rec := f.do(t, "GET", "/api/v1/history?"+query)
	if rec.Code != 200 {
		t.Fatalf("%s: status %d: %s", query, rec.Code, rec.Body)
	}
	var got rows
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, rec.Body)
	}
	return got
}

func TestTheHistoryOfASeriesIsItsSamplesAndMeans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := withHistory(t)
		now := time.Now()
		ms := func(second int) float64 { return float64(now.Add(time.Duration(second-24) * time.Second).UnixMilli()) }
		got := historyOf(t, f, "series=memory.used_percent&series=disk.used_percent:/")
		if len(got.Series) != 2 || got.Series[1].Item != "/" || len(got.Series[1].Samples) != 25 || !got.To.Equal(now) || got.To.Sub(got.From) != 2*time.Hour {
			t.Fatalf("history %+v", got)
		}
		first := got.Series[0]
		if first.Series != "memory.used_percent" || len(first.Samples) != 25 || first.Samples[24] != [2]float64{ms(24), 24} {
			t.Errorf("samples %v", first.Samples)
		}
		if len(first.Buckets) == 0 {
			t.Error("no means")
		}
		for _, b := range first.Buckets {
			if b[2] > b[1] || b[1] > b[3] {
				t.Errorf("bucket %v: mean, minimum and maximum contradict each other", b)
			}
		}
		for _, to := range []string{now.Add(-20 * time.Second).Format(time.RFC3339Nano), fmt.Sprint(now.Unix() - 20)} {
			part := historyOf(t, f, "series=memory.used_percent&from="+fmt.Sprint(now.Unix()-22)+"&to="+strings.ReplaceAll(to, "+", "%2B"))
			want := [][2]float64{{ms(2), 2}, {ms(3), 3}, {ms(4), 4}}
			if d := cmp.Diff(want, part.Series[0].Samples); d != "" {
				t.Errorf("up to %s (-want +got):\n%s", to, d)
			}
		}
	})
}

func TestWithoutASeriesTheHistoryListsWhatThereIs(t *testing.T) {
	f := withHistory(t)
	got := decode[HistoryContents](t, f.do(t, "GET", "/api/v1/history"))
	if got.SampleSeconds != 600 || got.BucketSeconds != 10 || got.BucketsSeconds != 7200 || got.MemoryBytes != 1<<20 || got.UsedBytes > 1<<20 || got.LeftOut == nil {
		t.Errorf("contents %+v", got)
	}
	for _, ref := range got.Series {
		if rec := f.do(t, "GET", "/api/v1/history?series="+ref.String()); rec.Code != 200 {
			t.Errorf("%s: status %d", ref, rec.Code)
		}
	}
	if idx := decode[Index](t, f.do(t, "GET", "/api/v1")); idx.Links["history"] != "/api/v1/history" {
		t.Errorf("links %v", idx.Links)
	}
}

func TestAWrongQuestionAboutTheHistoryIsAProblem(t *testing.T) {
	f := withHistory(t)
	for name, tc := range map[string]struct {
		query     string
		status    int
		parameter string
	}{
		"an unknown series":    {"series=cpu.heat", 404, "series"},
		"an unknown item":      {"series=cpu.busy_percent:99", 404, "series"},
		"too many series":      {strings.Repeat("series=cpu.load1&", maxSeries+1), 400, "series"},
		"a time that is none":  {"series=cpu.load1&from=yesterday", 400, "from"},
		"a time below zero":    {"series=cpu.load1&to=-1", 400, "to"},
		"a time out of range":  {"series=cpu.load1&to=1e300", 400, "to"},
		"a time that is NaN":   {"series=cpu.load1&to=NaN", 400, "to"},
		"the end before begin": {"series=cpu.load1&from=2000-01-01T00:00:10Z&to=2000-01-01T00:00:00Z", 400, "from"},
		"a time and no series": {"from=0", 400, "from"},
		"another parameter":    {"series=cpu.load1&step=5", 400, "step"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := f.do(t, "GET", "/api/v1/history?"+tc.query)
			var p Problem
			if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code != tc.status || p.Parameter != tc.parameter {
				t.Errorf("status %d, problem %+v, %v", rec.Code, p, err)
			}
		})
	}
}

func TestWithoutAHistoryThereIsNoRoute(t *testing.T) {
	f := newFixture(t, sample.CPU)
	wantProblem(t, f.do(t, "GET", "/api/v1/history"), 404, "/api/v1")
	if _, there := decode[Index](t, f.do(t, "GET", "/api/v1")).Links["history"]; there {
		t.Error("the index leads to it")
	}
}
