//go:build integration && linux

package integration

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/promserver"
)

// downtime takes all replicas away, so that requests fail and alerts fire.
var downtime = variant{name: "downtime", phases: phases{baseline: 8, observe: 6, recover: 20}, expect: "[{name: MonitorAllReplicasDown}]", object: `PodChaos
metadata: {name: %s}
spec: {action: pod-failure, mode: all, ` + everyMonitor + `}`}

// emptyOnThisMachine are queries that have no data after a run on target local, and why.
func emptyOnThisMachine() map[string]string {
	const (
		uncharged = "runs on target local cost no budget"
		unguarded = "only a cluster has a guard"
		unasked   = "target local has no Alertmanager"
		unpressed = "a kernel may have no pressure figures"
		unlimited = "a process may have no limit"
		unknown   = "a machine may have virtual links alone, which do not say how fast they are"
	)
	return map[string]string{
		"Monitor: Processors: Waiting for a processor A":          unpressed,
		"Monitor: Memory: Waiting for memory A":                   unpressed,
		"Monitor: Disks: Waiting for reads and writes A":          unpressed,
		"Monitor: Processors: Of its processor limit A":           unlimited,
		"Monitor: Processors: Of its processor limit B":           unlimited,
		"Monitor: Memory: Of its memory limit A":                  unlimited,
		"Monitor: Network: Of the link's speed A":                 unknown,
		"Monitor: Network: Of the link's speed B":                 unknown,
		"Monitor: Memory: Swap in use A":                          "a machine may have no swap",
		"Monitor: File systems: Mounts E":                         "a file system may not fill up",
		"SLO detail: Error budget: Budget left B":                 "the history of target local is as long as the period, so that the budget is known in full",
		"SLO detail: Error budget: Spent by planned chaos A":      uncharged,
		"SLO detail: Error budget: Planned chaos and incidents A": uncharged,
		"SLO detail: Error budget: Planned chaos and incidents B": uncharged,
		"Chaos: Runs: Last run of each experiment F":              uncharged,
		"Chaos: Alerts: What experiments showed of each alert I":  unasked,
		"Chaos: Over time: Budget spent A":                        uncharged,
		"Chaos: Guard: Runs on the cluster A":                     unguarded,
		"Chaos: Guard: Faults that the guard removed A":           unguarded,
		"Chaos: Guard: Requests that failed A":                    unguarded,
	}
}

// The dashboards' own tests write the series that they ask for. Here the monitor, the
// probe, the rules and an experiment write them.
func TestDashboardsShowARun(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run(document(t, downtime))
	live := viewer{api: r.prometheus(), since: time.Now(), seen: map[string]bool{}}
	// By then requests have failed and alerts fire. Earlier, the queries would disturb the
	// load, which comes from the same process.
	r.await(inPhase("recover"))
	boards := []dashboard{readDashboard(t, "monitor"), readDashboard(t, "slo-overview"), readDashboard(t, "slo-detail")}
	excused, disk := emptyOnThisMachine(), newDiskReader(t)
	for tick, over := time.Tick(time.Second), false; !over && len(missing(live.seen, excused, boards...)) > 0; {
		disk.read(t) // a machine with much memory reads nothing for minutes
		for _, d := range boards {
			// The run takes its Prometheus with it before it prints the verdict.
			if err := live.look(d); err != nil {
				t.Logf("the last look ended with: %v", err)
				over = true
				break
			}
		}
		select {
		case <-tick:
		case <-r.done:
			over = true
		}
	}
	r.ended()
	if got := evidence(t, r.out).one(t); got.Verdict != "fail" {
		t.Fatalf("verdict %s (%s), want fail: nothing is known of the dashboards", got.Verdict, got.Reason)
	}

	chaos := readDashboard(t, "chaos")
	after := viewer{api: stored(t, h, r.out), since: live.since, seen: live.seen}
	if err := after.look(chaos); err != nil {
		t.Fatal(err)
	}
	if !disk.reached(t) {
		excused["Monitor: Disks: Time per request A"] = "the files of this test may lie in memory"
	}
	complete(t, live.seen, excused, append(boards, chaos)...)
}

// missing are the queries that had no data and are not excused.
func missing(seen map[string]bool, excused map[string]string, boards ...dashboard) []string {
	var names []string
	for _, d := range boards {
		for name := range d.queries() {
			if excused[name] == "" && !seen[name] {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// complete fails the test for every query that is missing, and for an excuse that is none.
func complete(t *testing.T, seen map[string]bool, excused map[string]string, boards ...dashboard) {
	t.Helper()
	for _, name := range missing(seen, excused, boards...) {
		t.Errorf("%s: nothing was there", name)
	}
	all := map[string]target{}
	for _, d := range boards {
		maps.Copy(all, d.queries())
	}
	for name, reason := range excused {
		if _, ok := all[name]; !ok {
			t.Errorf("%s is excused and no query", name)
		}
		// What depends on the machine says "may".
		if seen[name] && !strings.Contains(reason, " may ") {
			t.Errorf("%s is excused (%s) and has data", name, reason)
		}
	}
	may := 0 // depend on the machine
	for _, reason := range excused {
		if strings.Contains(reason, " may ") {
			may++
		}
	}
	t.Logf("%d queries, of which %d are excused, and %d where a machine has no data", len(all), len(excused)-may, may)
	if most := len(all) / 10; len(excused)-may > most || may > most {
		t.Errorf("%d of %d queries are excused, and %d where a machine has no data: at most %d each", len(excused)-may, len(all), may, most)
	}
}

// prometheus waits for the Prometheus of a run, which does not print its address, and
// returns its URL.
func (r *runner) prometheus() string {
	r.t.Helper()
	for late := time.Now().Add(patience); time.Now().Before(late); {
		for _, address := range r.home.sockets() {
			_, hex, _ := strings.Cut(address, ":")
			port, err := strconv.ParseUint(hex, 16, 16)
			if err != nil {
				r.t.Fatalf("local address %q: %v", address, err)
			}
			v := viewer{api: fmt.Sprintf("http://127.0.0.1:%d", port)}
			var build struct{ Version string }
			if err := v.get("status/buildinfo", nil, &build); err == nil && build.Version != "" {
				return v.api
			}
		}
		select {
		case <-r.done:
			r.t.Fatalf("the runner ended, exit code %d, without a Prometheus", r.code)
		case <-time.After(50 * time.Millisecond): // the kernel reports no sockets of others
		}
	}
	r.t.Fatalf("no Prometheus within %s", patience)
	return ""
}

// stored lets a Prometheus scrape what a run's report says and returns its URL.
func stored(t *testing.T, h *home, out string) string {
	t.Helper()
	code, metrics, stderr := h.ballast("ledger", "--format", "prom", out)
	if code != 0 {
		t.Fatalf("ballast ledger: exit code %d: %s", code, stderr)
	}
	scrapes := make(chan struct{}, 1)
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write([]byte(metrics)) // a scrape that fails is seen as no data
		select {
		case scrapes <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(exporter.Close)
	server, err := promserver.Open(promserver.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Jobs: []string{"ledger"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.SetTargets("ledger", []promserver.Target{{Address: exporter.Listener.Addr().String()}}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first is stored when the second begins
		select {
		case <-scrapes:
		case <-time.After(patience):
			t.Fatalf("nothing was scraped within %s", patience)
		}
	}
	return server.URL()
}
