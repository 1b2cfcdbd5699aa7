package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
	"github.com/ballast-sre/ballast/internal/slo"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/prometheus/common/model"
)

// world is a platform of three replicas behind a load of 100 requests per second,
// in virtual time: it writes what a scrape would have found, once a second, into a
// real Prometheus, which evaluates real rules and answers real PromQL.
type world struct {
	t      *testing.T
	start  time.Time
	target *target
	api    *api
	wrap   func(engine.Querier) engine.Querier // nil: the client as it is
	// scrape is the interval of Prometheus and of its rules. The world is slower by
	// it: what happens within a second at a scrape a second happens within a scrape.
	scrape time.Duration
	// past is how long the probe was scraped before the run, without a request.
	past time.Duration
	// more are further rules of the world's group, files rule files beside it.
	more  string
	files []string
	// stored is what Prometheus has before the first scrape, and ripens how long it scrapes
	// and evaluates before the run.
	stored []prom.Series
	ripens time.Duration

	// What happens in the scrape before now. since is the time since the first
	// injection in slow seconds, negative before it; faulty says that a fault is in
	// place.
	behave func(w *world, since time.Duration, faulty bool) second

	mu     sync.Mutex
	totals map[string]float64
	down   int // replicas that are not ready now
	prom   *promserver.Server
}

// slow stretches a duration to the world's pace, real is the inverse of quick.
func (w *world) slow(d time.Duration) time.Duration {
	return time.Duration(int64(d) * int64(w.scrape/time.Second))
}

// quick is a real duration in slow seconds.
func (w *world) quick(d time.Duration) time.Duration {
	return time.Duration(int64(d) / int64(w.scrape/time.Second))
}

// second is what clients and scrapes saw in one second.
type second struct {
	requests, bad, slow float64 // slow ones succeed; bad ones are slow if they time out
	hang                bool    // bad requests last a second each
	down                int     // replicas that cannot be scraped
	blind               bool    // the probe is not scraped
	noTargets           bool    // nothing is scraped
	lag                 float64 // send lag of the load, seconds
	reset               bool    // the probe was restarted
	budget              *float64
	extra               []prom.Series
}

func healthy() second { return second{requests: 100} }

// series appends a sample of one series at now.
func (w *world) write(ss *[]prom.Series, now time.Time, v float64, labels ...string) {
	m := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		m[labels[i]] = labels[i+1]
	}
	*ss = append(*ss, prom.Series{Labels: m, Points: []prom.Sample{{T: now, V: v}}})
}

func (w *world) tick(ctx context.Context) {
	now := time.Now().Truncate(time.Millisecond)
	since, faulty := w.target.since(now)
	s := w.behave(w, since, faulty)
	var ss []prom.Series
	if s.noTargets {
		return
	}
	for i := range 3 {
		up := 1.0
		if i < s.down {
			up = 0
		}
		w.write(&ss, now, up, "__name__", "up", "job", "monitor", "instance", strconv.Itoa(i))
	}
	if s.budget != nil {
		w.write(&ss, now, *s.budget, "__name__", "ballast_slo:error_budget_remaining:ratio", "slo", "availability")
	}
	for _, e := range s.extra {
		e.Points = []prom.Sample{{T: now, V: e.Points[0].V}}
		ss = append(ss, e)
	}
	w.mu.Lock()
	w.down = s.down
	if s.reset {
		w.totals = map[string]float64{}
	}
	add := func(k string, v float64) { w.totals[k] += v }
	add("success", s.requests-s.bad)
	add("error", s.bad)
	fast := s.requests - s.slow
	if s.hang {
		fast -= s.bad
	}
	add("fast", fast)
	add("all", s.requests)
	if !s.blind {
		w.write(&ss, now, w.totals["success"], "__name__", "probe_requests_total", "job", "probe", "outcome", "success")
		w.write(&ss, now, w.totals["error"], "__name__", "probe_requests_total", "job", "probe", "outcome", "error")
		w.write(&ss, now, w.totals["fast"], "__name__", "probe_request_duration_seconds_bucket", "job", "probe", "le", "0.25")
		w.write(&ss, now, w.totals["all"], "__name__", "probe_request_duration_seconds_bucket", "job", "probe", "le", "+Inf")
		w.write(&ss, now, w.totals["all"], "__name__", "probe_request_duration_seconds_count", "job", "probe")
		w.write(&ss, now, s.lag, "__name__", "probe_lag", "job", "probe")
	}
	w.mu.Unlock()
	if err := w.prom.Backfill(ctx, ss); err != nil && ctx.Err() == nil {
		w.t.Errorf("the world could not be scraped: %v", err)
	}
}

// idle is the past of the probe.
func (w *world) idle() []prom.Series {
	s := prom.Series{Labels: map[string]string{"__name__": "probe_requests_total", "job": "probe", "outcome": "success"}}
	for ago := w.slow(w.past); ago > 0; ago -= w.scrape {
		s.Points = append(s.Points, prom.Sample{T: time.Now().Add(-ago).Truncate(time.Millisecond)})
	}
	if len(s.Points) == 0 {
		return nil
	}
	return []prom.Series{s}
}

// target is the platform's side of the faults. Zero is a target on which
// everything works.
type target struct {
	world *world

	mu       sync.Mutex
	injected time.Time
	faulty   bool
	removals int
	removed  time.Time

	planErr, injectErr, recoverErr, residueErr error
	recoverFails                               int // how often Recover fails first
	effects                                    func(since time.Duration, planned fault.Planned, t fault.Target) fault.Effect
	residue                                    func(t *target) []fault.Residue
	injectPanics, recoverPanics                bool
	recoverTakes                               time.Duration
	after                                      map[string]func() // called once in Plan, Inject, Effects, Recover, Residue
	run                                        fault.RunID
	hits                                       int
	forgets                                    bool // plans only the first fault
	blinds                                     bool // the faults hit what the run measures with
	lost                                       chan error
	coverage                                   func(since time.Duration) ([]fault.Coverage, error)             // nil: one pod while faulty
	health                                     func(since time.Duration, h fault.Health) (fault.Health, error) // nil: as the world is
}

func (t *target) since(now time.Time) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.injected.IsZero() {
		return -1, false
	}
	return t.world.quick(now.Sub(t.injected)), t.faulty
}

func (t *target) called(name string) {
	t.mu.Lock()
	f := t.after[name]
	delete(t.after, name)
	t.mu.Unlock()
	if f != nil {
		f()
	}
}

func (t *target) Plan(_ context.Context, run fault.RunID, fs []fault.Fault) (fault.Plan, error) {
	defer t.called("Plan")
	t.run = run
	p := fault.Plan{Run: run}
	for i, f := range fs {
		if t.forgets && i > 0 {
			break
		}
		planned := fault.Planned{Fault: f, Blinds: t.blinds, Ready: map[string]int{"Deployment/monitor": 3}}
		for i := range max(1, t.hits) {
			planned.Targets = append(planned.Targets, fault.Target{Namespace: "monitor", Pod: "monitor-" + strconv.Itoa(i), Workload: "Deployment/monitor"})
		}
		p.Faults = append(p.Faults, planned)
	}
	return p, t.planErr
}

func (t *target) Inject(context.Context, fault.Plan) error {
	defer t.called("Inject")
	t.mu.Lock()
	t.injected, t.faulty = time.Now(), true
	t.mu.Unlock()
	if t.injectPanics {
		panic("a bug in the target")
	}
	return t.injectErr
}

func (t *target) Effects(_ context.Context, p fault.Plan) ([]fault.Effect, error) {
	defer t.called("Effects")
	since, _ := t.since(time.Now())
	var out []fault.Effect
	for _, f := range p.Faults {
		for _, tg := range f.Targets {
			e := fault.Effect{Injected: true, Shown: true, Observed: "seen"}
			if t.effects != nil {
				e = t.effects(since, f, tg)
			}
			e.Fault, e.Target, e.At = f.Fault.ID(), tg, time.Now()
			out = append(out, e)
		}
	}
	return out, nil
}

func (t *target) Health(context.Context, fault.Plan) ([]fault.Health, error) {
	t.world.mu.Lock()
	h := fault.Health{Workload: "Deployment/monitor", Wanted: 3, Ready: 3 - t.world.down}
	t.world.mu.Unlock()
	if t.health == nil {
		return []fault.Health{h}, nil
	}
	since, _ := t.since(time.Now())
	h, err := t.health(since, h)
	return []fault.Health{h}, err
}

func (t *target) Coverage(context.Context, fault.Plan) ([]fault.Coverage, error) {
	since, faulty := t.since(time.Now())
	if t.coverage != nil {
		return t.coverage(since)
	}
	t.world.mu.Lock()
	c := fault.Coverage{Workload: "Deployment/monitor", Ready: 3 - t.world.down}
	t.world.mu.Unlock()
	if faulty {
		c.UnderFault = min(1, c.Ready)
	}
	return []fault.Coverage{c}, nil
}

func (t *target) Lost() <-chan error { return t.lost }

func (t *target) Recover(ctx context.Context, _ fault.RunID) error {
	defer t.called("Recover")
	if t.recoverPanics {
		panic("a bug in the target")
	}
	if t.recoverTakes > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(t.recoverTakes):
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removals++
	if t.removals <= t.recoverFails {
		return errors.New("the API server hiccups")
	}
	if t.recoverErr != nil {
		return t.recoverErr
	}
	if t.faulty {
		t.removed = time.Now()
	}
	t.faulty = false
	return nil
}

func (t *target) Residue(context.Context) ([]fault.Residue, error) {
	defer t.called("Residue")
	if t.residueErr != nil {
		return nil, t.residueErr
	}
	if t.residue != nil {
		return t.residue(t), nil
	}
	return nil, nil
}

// api is the way to Prometheus, which can fail.
type api struct {
	next http.RoundTripper
	// trouble returns a status to answer instead, or a delay; -1 refuses to connect.
	trouble func(since time.Duration) (status int, delay time.Duration)
	target  *target
}

func (a *api) RoundTrip(req *http.Request) (*http.Response, error) {
	if a.trouble != nil {
		since, _ := a.target.since(time.Now())
		status, delay := a.trouble(since)
		if delay > 0 {
			select {
			case <-time.After(delay):
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		}
		if status < 0 {
			return nil, errors.New("connection refused")
		}
		if status > 0 {
			rec := httptest.NewRecorder()
			rec.WriteHeader(status)
			return rec.Result(), nil
		}
	}
	return a.next.RoundTrip(req)
}

// rules are those of the world, at its pace.
func (w *world) rules() string {
	return regexp.MustCompile(`\b[0-9]s\b`).ReplaceAllStringFunc(rulesYAML+w.more, func(s string) string {
		d, err := time.ParseDuration(s)
		if err != nil {
			w.t.Fatal(err)
		}
		return model.Duration(w.slow(d)).String()
	})
}

const rulesYAML = `
groups:
- name: test
  interval: 1s
  rules:
  - alert: ReplicaDown
    expr: up{job="monitor"} == 0
    for: 2s
    labels: {severity: ticket}
  - alert: BudgetBurn
    expr: |
      sum(rate(probe_requests_total{outcome="error"}[4s])) / sum(rate(probe_requests_total[4s])) > 0.2
    labels: {severity: page}
  - alert: LateSending
    expr: probe_lag > 0.05
    for: 3s
    labels: {severity: late}
  - record: ballast_slo:evaluated:timestamp
    expr: time()
    labels: {rule_group: test}
`

func availability() *slo.SLO {
	return &slo.SLO{
		Name: "availability", Objective: 0.999, Window: 30 * 24 * time.Hour,
		Good: `probe_requests_total{outcome="success"}`, Total: `probe_requests_total`,
	}
}

func latency() *slo.SLO {
	return &slo.SLO{
		Name: "latency", Objective: 0.99, Window: 30 * 24 * time.Hour,
		Good: `probe_request_duration_seconds_bucket{le="0.25"}`, Total: `probe_request_duration_seconds_count`,
	}
}

// podFailure is a continuous fault, podKill a one-shot.
func podFailure() fault.Fault {
	return fault.Fault{Kind: "PodChaos", Action: "pod-failure", Name: "f", Object: &v1alpha1.PodChaos{
		Spec: v1alpha1.PodChaosSpec{Action: v1alpha1.PodFailureAction},
	}}
}

func podKill() fault.Fault {
	return fault.Fault{Kind: "PodChaos", Action: "pod-kill", Name: "f", OneShot: true, Object: &v1alpha1.PodChaos{
		Spec: v1alpha1.PodChaosSpec{Action: v1alpha1.PodKillAction},
	}}
}

// basic is an experiment on availability with short phases.
func basic() experiment.Experiment {
	return experiment.Experiment{
		Name: "row", Hypothesis: "It holds.", Baseline: 5 * time.Second, Observe: 8 * time.Second, Recover: 12 * time.Second,
		SLOs:   []experiment.Assertion{{Name: "availability", SLO: availability(), MaxBudgetSpend: 0.001}},
		Faults: []fault.Fault{podFailure()},
	}
}

// paced is an experiment at the world's pace. An outage that is longer in the same
// traffic costs more.
func (w *world) paced(x experiment.Experiment) experiment.Experiment {
	pace := func(ds ...*time.Duration) {
		for _, d := range ds {
			*d = w.slow(*d)
		}
	}
	pace(&x.Baseline, &x.Observe, &x.Recover)
	x.SLOs, x.Abort, x.Expect, x.Faults = slices.Clone(x.SLOs), slices.Clone(x.Abort), slices.Clone(x.Expect), slices.Clone(x.Faults)
	for i := range x.SLOs {
		x.SLOs[i].MaxBudgetSpend *= w.scrape.Seconds()
	}
	for i := range x.Abort {
		pace(&x.Abort[i].For)
	}
	for i := range x.Expect {
		pace(&x.Expect[i].Within, &x.Expect[i].ResolvesWithin)
	}
	for i := range x.Faults {
		pace(&x.Faults[i].Duration)
	}
	return x
}

// run takes one experiment through the engine in a world.
func (w *world) run(ctx context.Context, cfg engine.Config, x experiment.Experiment) (result.Run, error) {
	w.t.Helper()
	// Nothing begins on a whole millisecond, as nothing does in life.
	time.Sleep(123_456_789 * time.Nanosecond)
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		w.t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	rules := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(rules, []byte(w.rules()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.prom, err = promserver.Open(promserver.Config{
		Dir: filepath.Join(dir, "tsdb"), Scrape: w.scrape, Evaluation: w.scrape, RuleFiles: append([]string{rules}, w.files...), History: w.stored,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer w.prom.Close()
	w.totals = map[string]float64{}
	if err := w.prom.Backfill(ctx, w.idle()); err != nil {
		w.t.Fatal(err)
	}
	scraping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var scraper sync.WaitGroup
	scraper.Go(func() {
		// Scrapes are out of step with the run, as they are in life.
		time.Sleep(w.slow(300 * time.Millisecond))
		for scraping.Err() == nil {
			w.tick(scraping)
			select {
			case <-scraping.Done():
			case <-time.After(w.scrape):
			}
		}
	})
	defer scraper.Wait()
	defer stop()

	w.api.next = promserver.Transport(w.prom.Handler())
	client, err := prom.New(prom.Config{URL: "http://prometheus.test", RoundTripper: w.api, Timeout: 2 * time.Second, MaxAge: 3 * w.scrape})
	if err != nil {
		w.t.Fatal(err)
	}
	cfg.Target, cfg.Querier, cfg.Scrape, cfg.Evaluation = w.target, client, w.scrape, w.scrape
	cfg.ConfirmTimeout = w.slow(10 * time.Second)
	if w.wrap != nil {
		cfg.Querier = w.wrap(client)
	}
	e, err := engine.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(w.ripens)
	w.start = time.Now()
	return e.Run(ctx, x)
}

func newWorld(t *testing.T, scrape time.Duration) *world {
	w := &world{t: t, scrape: scrape, behave: func(*world, time.Duration, bool) second { return healthy() }}
	w.target = &target{world: w, after: map[string]func(){}, lost: make(chan error, 1)}
	w.api = &api{target: w.target}
	return w
}
