package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is an API over a snapshot that tests can replace.
type fixture struct {
	*API
	snapshot atomic.Pointer[sample.Snapshot]
	registry *prometheus.Registry
	logs     bytes.Buffer
}

func newFixture(t testing.TB, names ...sample.Name) *fixture {
	t.Helper()
	f := &fixture{registry: prometheus.NewRegistry()}
	f.snapshot.Store(sampletest.Fixture(time.Now().UTC()))
	api, err := New(Config{
		Snapshot:   f.snapshot.Load,
		Collectors: names,
		Registry:   f.registry,
		Metrics:    http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		Build:      Build{Version: "v1.2.3", Revision: "abc", GoVersion: "go1.99", Platform: "plan9/mips"},
		Logger:     slog.New(slog.NewJSONHandler(&f.logs, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.API = api
	return f
}

func (f *fixture) do(t testing.TB, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return rec
}

// decode reads a JSON body, strictly.
func decode[T any](t *testing.T, rec *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	dec := json.NewDecoder(rec.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("body: %v", err)
	}
	return v
}

func wantProblem(t *testing.T, rec *httptest.ResponseRecorder, status int, detail string) {
	t.Helper()
	if rec.Code != status {
		t.Errorf("status %d, want %d", rec.Code, status)
	}
	if got := rec.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	p := decode[Problem](t, rec)
	if p.Status != status || p.Title != http.StatusText(status) || !strings.Contains(p.Detail, detail) {
		t.Errorf("problem %+v, want status %d and a detail with %q", p, status, detail)
	}
}

func TestUnknownRequestsAreRefusedAsProblems(t *testing.T) {
	for name, tc := range map[string]struct {
		method, path string
		status       int
		detail       string
	}{
		"a path that is not there":             {"GET", "/nope", 404, "/api/v1"},
		"a path with a slash too many":         {"GET", "/healthz/", 404, "/api/v1"},
		"a collector that was not chosen":      {"GET", "/api/v1/disk", 404, "/api/v1"},
		"a method that the path does not have": {"POST", "/api/v1/cpu", 405, "GET"},
		"a method that nobody knows":           {"BREW", "/healthz", 405, "GET"},
	} {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, newFixture(t, sample.CPU).do(t, tc.method, tc.path), tc.status, tc.detail)
		})
	}
}

func TestAnswersAreNeitherCachedNorGuessedNorShared(t *testing.T) {
	f := newFixture(t, sample.CPU)
	for _, path := range []string{"/api/v1/cpu", "/healthz", "/metrics", "/nope"} {
		h := f.do(t, "GET", path).Header()
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, h)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other origins are let in", path)
		}
	}
}

func TestHeadAnswersLikeGet(t *testing.T) {
	if rec := newFixture(t, sample.CPU).do(t, "HEAD", "/api/v1/cpu"); rec.Code != 200 || rec.Header().Get("Age") == "" {
		t.Errorf("status %d, headers %v", rec.Code, rec.Header())
	}
}

func TestALargeBodyIsRefused(t *testing.T) {
	f := newFixture(t, sample.CPU)
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/cpu", strings.NewReader(strings.Repeat("x", maxBody+1))))
	wantProblem(t, rec, 413, "4096")
}

func TestAPanicIsA500AndIsCounted(t *testing.T) {
	f := newFixture(t, sample.CPU)
	f.engine.GET("/panic", func(*gin.Context) { panic("odd") })
	wantProblem(t, f.do(t, "GET", "/panic"), 500, "log")
	if !strings.Contains(f.logs.String(), `"panic":"odd"`) {
		t.Errorf("log: %s", &f.logs)
	}
	want := `
# HELP monitor_http_requests_total Requests answered, by route template.
# TYPE monitor_http_requests_total counter
monitor_http_requests_total{code="500",method="GET",route="/panic"} 1
`
	if err := testutil.GatherAndCompare(f.registry, strings.NewReader(want), "monitor_http_requests_total"); err != nil {
		t.Error(err)
	}
}

func TestRequestsAreCountedByRouteNotByPath(t *testing.T) {
	f := newFixture(t, sample.CPU)
	for _, path := range []string{"/api/v1/cpu", "/api/v1/cpu?cpu=0", "/a", "/b"} {
		f.do(t, "GET", path)
	}
	f.do(t, "BREW", "/c")
	f.do(t, "POST", "/api/v1/cpu")
	want := `
# HELP monitor_http_requests_total Requests answered, by route template.
# TYPE monitor_http_requests_total counter
monitor_http_requests_total{code="200",method="GET",route="/api/v1/cpu"} 2
monitor_http_requests_total{code="404",method="GET",route="unmatched"} 2
monitor_http_requests_total{code="404",method="other",route="unmatched"} 1
monitor_http_requests_total{code="405",method="POST",route="unmatched"} 1
`
	if err := testutil.GatherAndCompare(f.registry, strings.NewReader(want), "monitor_http_requests_total"); err != nil {
		t.Error(err)
	}
	problems, err := testutil.GatherAndLint(f.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

func TestNewNamesEveryMissingThing(t *testing.T) {
	_, err := New(Config{Collectors: []sample.Name{"weather"}})
	for _, want := range []string{"snapshot", "registry", "metrics handler", "logger", "weather"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not speak of %q", err, want)
		}
	}
}

func TestVersionSaysWhatWasBuilt(t *testing.T) {
	got := decode[Build](t, newFixture(t).do(t, "GET", "/version"))
	if want := (Build{Version: "v1.2.3", Revision: "abc", GoVersion: "go1.99", Platform: "plan9/mips"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestIndexListsTheCollectorsAndTheirState(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	got := decode[Index](t, f.do(t, "GET", "/api/v1"))
	if got.Version != "v1.2.3" || len(got.Collectors) != len(sample.Names()) {
		t.Fatalf("index: %+v", got)
	}
	for _, c := range got.Collectors {
		if rec := f.do(t, "GET", c.Href); rec.Code != 200 {
			t.Errorf("%s: status %d", c.Href, rec.Code)
		}
	}
	if c := got.Collectors[2]; c.State != sample.OK || c.Unreadable != 2 || c.LinesSkipped != 12 {
		t.Errorf("a collector that lacks something: %+v", c)
	}
	if c := got.Collectors[3]; c.Name != sample.Network || c.State != sample.Stale || !c.Stale || c.Error == "" || c.Failures != 2 {
		t.Errorf("a failing collector: %+v", c)
	}
}

func TestHealth(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	if got := decode[Health](t, f.do(t, "GET", "/readyz")); got.Status != "ready" {
		t.Errorf("with every reading, one of them stale: %+v", got)
	}

	waiting := *f.snapshot.Load()
	waiting.Statuses = []sample.Status{{Name: sample.CPU}, {Name: sample.Memory, SampledAt: time.Now()}, {Name: sample.Disk}}
	f.snapshot.Store(&waiting)
	wantProblem(t, f.do(t, "GET", "/readyz"), 503, "cpu, disk")
	if rec := f.do(t, "GET", "/healthz"); rec.Code != 200 {
		t.Errorf("liveness without readings: %d", rec.Code)
	}

	waiting.Statuses = []sample.Status{{Name: sample.CPU, Unsupported: true}, {Name: sample.Memory, SampledAt: time.Now()}}
	f.snapshot.Store(&waiting)
	if rec := f.do(t, "GET", "/readyz"); rec.Code != 200 {
		t.Errorf("with one that is unsupported: %d", rec.Code)
	}
	rec := f.do(t, "GET", "/api/v1/cpu")
	wantProblem(t, rec, 503, "no cpu reading")
	none := waiting
	none.Statuses = []sample.Status{{Name: sample.CPU, Unsupported: true}}
	f.snapshot.Store(&none)
	wantProblem(t, f.do(t, "GET", "/readyz"), 503, "unsupported are cpu")

	f.snapshot.Store(sampletest.Fixture(time.Now()))
	f.Drain()
	wantProblem(t, f.do(t, "GET", "/readyz"), 503, "draining")
	rec = f.do(t, "GET", "/healthz")
	if got := decode[Health](t, rec); rec.Code != 200 || got.Status != "ok" {
		t.Errorf("liveness while draining: %d %+v", rec.Code, got)
	}
	if rec.Header().Get("Connection") != "close" {
		t.Error("connections are kept alive while draining")
	}
	if rec := f.do(t, "GET", "/api/v1/cpu"); rec.Code != 200 {
		t.Errorf("a reading while draining: %d", rec.Code)
	}
}

func TestReadingsAreTheSnapshotsParts(t *testing.T) {
	f := newFixture(t, sample.Names()...)
	s := f.snapshot.Load()
	for name, part := range map[sample.Name]any{
		sample.CPU: s.CPU, sample.Memory: s.Memory, sample.Disk: s.Disk, sample.Network: s.Network,
	} {
		t.Run(string(name), func(t *testing.T) {
			rec := f.do(t, "GET", route(name))
			if rec.Code != 200 {
				t.Fatalf("status %d: %s", rec.Code, rec.Body)
			}
			want, err := json.Marshal(part)
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Collector  sample.Name
				SampledAt  time.Time
				Stale      bool
				State      sample.State
				Error      string
				Unreadable []sample.Problem
				Scopes     []sample.Scope
				Data       json.RawMessage
			}
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			st, _ := s.Status(name)
			if got.Collector != name || !got.SampledAt.Equal(st.SampledAt) {
				t.Errorf("envelope: %+v", got)
			}
			if failed := name == sample.Network; got.Stale != failed || (got.Error != "") != failed {
				t.Errorf("stale %v, error %q", got.Stale, got.Error)
			}
			if got.State != st.State() || len(got.Unreadable) != len(st.Problems) || len(got.Scopes) != len(st.Scopes) {
				t.Errorf("state %q, unreadable %v", got.State, got.Unreadable)
			}
			if d := cmp.Diff(string(want), string(got.Data)); d != "" {
				t.Errorf("data (-want +got):\n%s", d)
			}
		})
	}
}

func TestAReadingGrowsOldUntilTheNextSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, sample.Memory)
		first := f.do(t, "GET", "/api/v1/memory")
		time.Sleep(7 * time.Second)
		again := f.do(t, "GET", "/api/v1/memory")
		if first.Header().Get("Age") != "0" || again.Header().Get("Age") != "7" {
			t.Errorf("ages %q and %q, want 0 and 7", first.Header().Get("Age"), again.Header().Get("Age"))
		}
		if first.Body.String() != again.Body.String() {
			t.Error("one snapshot, two bodies")
		}
		next := sampletest.Fixture(time.Now())
		next.Memory.TotalBytes = 42
		f.snapshot.Store(next)
		if rec := f.do(t, "GET", "/api/v1/memory"); !strings.Contains(rec.Body.String(), `"totalBytes":42`) || rec.Header().Get("Age") != "0" {
			t.Errorf("after the next snapshot: age %s, %s", rec.Header().Get("Age"), rec.Body)
		}
	})
}

func TestWithoutAReadingThereIsNoAnswerButWhy(t *testing.T) {
	f := newFixture(t, sample.Memory)
	f.snapshot.Store(&sample.Snapshot{Statuses: []sample.Status{{Name: sample.Memory, Err: errors.New("procfs is not mounted")}}})
	rec := f.do(t, "GET", "/api/v1/memory")
	if rec.Header().Get("Retry-After") != "1" {
		t.Errorf("headers %v", rec.Header())
	}
	wantProblem(t, rec, 503, "procfs is not mounted")
}

func TestAReadingThatIsNoJSONIsA500(t *testing.T) {
	f := newFixture(t, sample.Memory)
	s := sampletest.Fixture(time.Now())
	s.Memory.UsedPercent = new(math.NaN())
	f.snapshot.Store(s)
	wantProblem(t, f.do(t, "GET", "/api/v1/memory"), 500, "memory")
	if !strings.Contains(f.logs.String(), "cannot encode") {
		t.Errorf("log: %s", &f.logs)
	}
}

func TestExpectedAnswersAreNotLoggedOneByOne(t *testing.T) {
	f := newFixture(t, sample.Memory)
	f.do(t, "GET", "/api/v1/memory")
	f.do(t, "GET", "/nope")
	f.Drain()
	f.do(t, "GET", "/readyz")
	if f.logs.Len() != 0 {
		t.Errorf("log: %s", &f.logs)
	}
}
