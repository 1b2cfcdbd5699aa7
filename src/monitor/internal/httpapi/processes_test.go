package httpapi

import (
	"encoding/json"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

func TestProcessesAreThoseThatAreAskedFor(t *testing.T) {
	f := newFixture(t, sample.Processes)
	s := *f.snapshot.Load()
	many := *s.Processes
	for i := range 100 {
		many.Processes = append(many.Processes, sample.ProcessReading{Process: host.Process{PID: 1000 + i, MemoryBytes: 1<<40 + uint64(i)}, UsedCores: new(1e6)})
	}
	s.Processes = &many
	f.snapshot.Store(&s)
	for query, want := range map[string]int{"": 40, "?by=cpu": 20, "?by=memory": 20, "?limit=1": 1, "?by=memory&limit=1000": 102} {
		rec := f.do(t, "GET", "/api/v1/processes"+query)
		var got struct{ Data sample.ProcessesReading }
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != 200 || len(got.Data.Processes) != want {
			t.Errorf("%q: status %d, %d processes, want %d, %v", query, rec.Code, len(got.Data.Processes), want, err)
		}
	}
	for query, detail := range map[string]string{
		"?by=name": "write cpu or memory", "?limit=0": "from 1 to 1000", "?limit=1001": "from 1 to 1000", "?limit=ten": "from 1 to 1000",
		"?by=": "empty", "?pid=1": "it takes by, limit", "?limit=1&limit=2": "more than once",
	} {
		wantProblem(t, f.do(t, "GET", "/api/v1/processes"+query), 400, detail)
	}
	f.snapshot.Store(&sample.Snapshot{Statuses: []sample.Status{{Name: sample.Processes}}})
	for _, query := range []string{"", "?by=cpu"} {
		wantProblem(t, f.do(t, "GET", "/api/v1/processes"+query), 503, "no processes reading yet")
	}
}
