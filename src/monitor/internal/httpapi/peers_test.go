package httpapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

// apart is an API of the collector of memory, which has peers.
func apart(t *testing.T, peers func() ([]Peer, uint64)) *fixture {
	t.Helper()
	f := &fixture{registry: prometheus.NewRegistry()}
	f.snapshot.Store(sampletest.Fixture(time.Now().UTC()))
	var err error
	f.API, err = New(Config{
		Snapshot: f.snapshot.Load, Collectors: []sample.Name{sample.Memory}, Peers: peers, Registry: f.registry,
		Metrics: http.NotFoundHandler(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

type seenSnapshot struct {
	Readings map[sample.Name]struct {
		State, Peer, Error string
		Stale              bool
		Data               json.RawMessage
	}
	Missing []MissingReading
}

func snapshotAt(t *testing.T, f *fixture, path string) (seen seenSnapshot) {
	t.Helper()
	rec := f.do(t, "GET", path)
	if err := json.Unmarshal(rec.Body.Bytes(), &seen); err != nil || rec.Code != 200 {
		t.Fatalf("%s: status %d, %v: %s", path, rec.Code, err, rec.Body)
	}
	return seen
}

func TestReadingsOfPeersAreShownWhereTheyAreAskedFor(t *testing.T) {
	state, changes := []Peer{
		{Collector: sample.CPU, URL: "http://a", Reading: []byte("{\"collector\":\"cpu\",\"state\":\"ok\",\"stale\":false,\n\"data\":{\"cores\":[]}}")},
		{Collector: sample.Memory, URL: "http://b", Reading: []byte(`{"state":"ok","data":"another's"}`)},
		{Collector: sample.Disk, URL: "http://c", Err: errors.New("connection refused")},
		{Collector: sample.Network, URL: "http://d"},
	}, uint64(1)
	f := apart(t, func() ([]Peer, uint64) { return state, changes })
	if own := snapshotAt(t, f, "/api/v1/snapshot"); len(own.Readings) != 1 || own.Missing != nil {
		t.Errorf("the own snapshot has others' readings: %+v", own)
	}
	all := snapshotAt(t, f, "/api/v1/snapshot?peers=include")
	if got := all.Readings[sample.CPU]; got.Peer != "http://a" || got.State != "ok" || got.Stale || string(got.Data) != `{"cores":[]}` {
		t.Errorf("a peer's reading: %+v", got)
	}
	if got := all.Readings[sample.Memory]; got.Peer != "" || string(got.Data) == `"another's"` {
		t.Errorf("a peer's reading stands for the own one: %+v", got)
	}
	if len(all.Missing) != 2 || all.Missing[0].State != sample.Failed || !strings.Contains(all.Missing[0].Error, "refused") || all.Missing[1].State != sample.Starting {
		t.Errorf("missing: %+v", all.Missing)
	}
	if body := f.do(t, "GET", "/api/v1/snapshot?peers=include").Body.String(); strings.Contains(body, "\n") || !strings.HasPrefix(body, `{"readings":{"cpu":`) {
		t.Errorf("an event could not hold it: %s", body)
	}
	page := f.do(t, "GET", "/").Body.String()
	if !strings.Contains(page, "Processors, one by one") || !strings.Contains(page, "connection refused") {
		t.Error("the page does not show the peers")
	}
	if strings.Contains(f.do(t, "GET", "/api/v1/openapi.json").Body.String(), `"/api/v1/cpu"`) {
		t.Error("a peer's reading has a route")
	}

	state[0].Err, changes = errors.New("it is silent"), 2
	if got := snapshotAt(t, f, "/api/v1/snapshot?peers=include").Readings[sample.CPU]; got.State != "stale" || !got.Stale || !strings.Contains(got.Error, "it is silent") {
		t.Errorf("the reading of a peer that is gone: %+v", got)
	}
	wantProblem(t, f.do(t, "GET", "/api/v1/snapshot?peers=all"), 400, "write include")
	wantProblem(t, f.do(t, "GET", "/api/v1/stream?peers=all"), 400, "write include")
}

func TestWithoutPeersAllIsTheOwn(t *testing.T) {
	f := apart(t, nil)
	if own, all := f.do(t, "GET", "/api/v1/snapshot").Body.String(), f.do(t, "GET", "/api/v1/snapshot?peers=include").Body.String(); own != all {
		t.Errorf("got %s\nand %s", own, all)
	}
}
