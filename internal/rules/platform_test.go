package rules

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/ballast-sre/ballast/internal/slo"
)

// traffic is what clients see for a while. Ratios are of all requests.
type traffic struct {
	last     time.Duration
	rate     float64 // requests a second
	errors   float64 // ratio that fails, at once
	slow     float64 // ratio that succeeds in more than 250 ms
	restart  bool    // the probe starts anew first: its counters are 0
	unseen   bool    // the probe is not scraped
	noFast   bool    // the bucket of fast requests is not scraped, the count is
	extra    float64 // fast requests beyond all, as a share of them
	gone     bool    // no replica is discovered
	down     int     // replicas of the monitor that do not answer scrapes
	failing  bool    // the disk collector of the first replica gives no reading
	restarts int     // of the first replica, spread over the stretch
	// others are series of others, as PromQL writes them, and what they show.
	others map[string]float64
}

// platform is the real rules manager over the real TSDB, on the bubble's clock,
// fed with the counters of a simulated probe and three simulated replicas.
type platform struct {
	t              *testing.T
	db             *tsdb.DB
	engine         *promql.Engine
	scrape         time.Duration
	onlyErrors     bool // the success series was never created
	bonus          float64
	success, error float64
	fast, count    float64
	other          *probe
	started        float64 // process start time of the first replica
	refs           map[string]storage.SeriesRef
	scraped        map[string]bool // by the last scrape

	mu     sync.Mutex
	firing map[string]bool
	log    []transition
}

// transition is one alert that began or ceased to fire.
type transition struct {
	alert  string // as keyOf has it
	firing bool
	at     time.Time // of the evaluation
}

type setup struct {
	groups     []rulefmt.RuleGroup
	scrape     time.Duration
	evaluation time.Duration
	history    time.Duration // healthy, at rate
	rate       float64
	errors     float64 // of the history
	onlyErrors bool
	bonus      float64 // fast requests beyond all, as a share of them
	other      *probe  // in the same Prometheus
}

// probe is one that measures something else, or by somebody else.
type probe struct {
	job, name string
	rate      float64
	failing   bool
	count     float64
}

// newPlatform must be called in a synctest bubble.
func newPlatform(t *testing.T, s setup) *platform {
	t.Helper()
	opts := tsdb.DefaultOptions()
	opts.WALSegmentSize = -1
	opts.MinBlockDuration = int64(400 * 24 * time.Hour / time.Millisecond)
	opts.MaxBlockDuration = opts.MinBlockDuration
	opts.RetentionDuration = 0
	dir := t.TempDir()
	db, err := tsdb.Open(filepath.Join(dir, "data"), nil, nil, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{
		t: t, db: db, scrape: s.scrape, onlyErrors: s.onlyErrors, bonus: s.bonus, other: s.other, firing: map[string]bool{}, refs: map[string]storage.SeriesRef{}, scraped: map[string]bool{},
		engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 5e7, Timeout: 1000 * time.Hour, EnableAtModifier: true, Parser: newParser()}),
	}
	// Old history is sampled five times as coarsely, as backfill may do it: ranges
	// over it cost less, and the tests take seconds.
	step := 5 * s.scrape
	for at := time.Now().Add(-s.history); at.Before(time.Now()); at = at.Add(step) {
		if time.Until(at) > -60*s.scrape {
			step = s.scrape
		}
		p.write(at, traffic{rate: s.rate})
		p.tally(traffic{rate: s.rate, errors: s.errors}, step)
	}

	file := filepath.Join(dir, "rules.yaml")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(f, s.groups); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	m := promrules.NewManager(&promrules.ManagerOptions{
		QueryFunc:            promrules.EngineQueryFunc(p.engine, db),
		NotifyFunc:           func(context.Context, string, ...*promrules.Alert) {},
		Appendable:           db,
		Queryable:            db,
		Context:              ctx,
		ExternalURL:          &url.URL{},
		Parser:               newParser(),
		NameValidationScheme: model.UTF8Validation,
	})
	// The first update of a manager waits to restore alerts of an earlier life.
	if err := m.Update(s.evaluation, nil, labels.EmptyLabels(), "", nil); err != nil {
		t.Fatal(err)
	}
	if err := m.Update(s.evaluation, []string{file}, labels.EmptyLabels(), "", p.observe); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); m.Run() }()
	t.Cleanup(func() {
		m.Stop()
		<-done
		cancel()
		if err := p.engine.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *platform) observe(ctx context.Context, g *promrules.Group, at time.Time) {
	promrules.DefaultEvalIterationFunc(ctx, g, at)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range g.Rules() {
		if r.LastError() != nil {
			p.t.Errorf("rule %s: %v", r.Name(), r.LastError())
		}
		a, ok := r.(*promrules.AlertingRule)
		if !ok {
			continue
		}
		key := keyOf(a.Name(), a.Labels().Map())
		if firing := a.State() == promrules.StateFiring; firing != p.firing[key] {
			p.firing[key] = firing
			p.log = append(p.log, transition{key, firing, at})
		}
	}
}

// run lets the stretches of traffic pass. It blocks for their virtual time.
func (p *platform) run(stretches ...traffic) {
	p.t.Helper()
	for _, s := range stretches {
		if s.restart {
			p.success, p.error, p.fast, p.count = 0, 0, 0, 0
		}
		var restarts int
		for passed := time.Duration(0); passed < s.last; {
			step := min(p.scrape, s.last-passed)
			time.Sleep(step)
			passed += step
			p.tally(s, step)
			if s.restarts > 0 && restarts < int(float64(s.restarts)*float64(passed)/float64(s.last)) {
				restarts++
				p.started = float64(time.Now().Unix())
			}
			p.write(time.Now(), s)
		}
	}
}

// tally counts the requests of d.
func (p *platform) tally(s traffic, d time.Duration) {
	n := s.rate * d.Seconds()
	p.count += n
	p.error += n * s.errors
	p.success += n * (1 - s.errors)
	p.fast += n * (1 - s.slow) * (1 + p.bonus + s.extra)
	if p.other != nil {
		p.other.count += p.other.rate * d.Seconds()
	}
}

// write is one scrape of everything.
func (p *platform) write(at time.Time, s traffic) {
	p.t.Helper()
	app := p.db.Appender(context.Background())
	before := p.scraped
	p.scraped = map[string]bool{}
	add := func(v float64, name string, kv ...string) {
		key := name + strings.Join(kv, " ")
		ref, ls := p.refs[key], labels.EmptyLabels()
		if ref == 0 {
			ls = labels.FromStrings(append([]string{"__name__", name}, kv...)...)
		}
		ref, err := app.Append(ref, ls, at.UnixMilli(), v)
		if err != nil {
			p.t.Fatal(err)
		}
		p.refs[key] = ref
		p.scraped[key] = true
	}
	write := func(job, name string, success, failure, fast, count float64) {
		if !p.onlyErrors {
			add(success, "probe_requests_total", "job", job, "probe", name, "outcome", "success")
		}
		add(failure, "probe_requests_total", "job", job, "probe", name, "outcome", "error")
		if !s.noFast {
			add(fast, "probe_request_duration_seconds_bucket", "job", job, "probe", name, "le", "0.25")
		}
		add(count, "probe_request_duration_seconds_bucket", "job", job, "probe", name, "le", "+Inf")
		add(count, "probe_request_duration_seconds_count", "job", job, "probe", name)
	}
	if !s.unseen {
		write("probe", "monitor", p.success, p.error, p.fast, p.count)
	}
	switch o := p.other; {
	case o != nil && o.failing:
		write(o.job, o.name, 0, o.count, 0, o.count)
	case o != nil:
		write(o.job, o.name, o.count, 0, o.count, o.count)
	}
	if !s.unseen {
		add(1, "up", "job", "probe", "instance", "0")
	} else {
		add(0, "up", "job", "probe", "instance", "0")
	}
	for i := range 3 {
		if s.gone {
			break
		}
		up := 1.0
		if i < s.down {
			up = 0
		}
		add(up, "up", "job", "monitor", "instance", fmt.Sprint(i))
		started := 0.0
		if i == 0 {
			started = p.started
		}
		success := 1.0
		if i == 0 && s.failing {
			success = 0
		}
		if up == 1 {
			add(success, "monitor_collector_success", "job", "monitor", "collector", "disk", "instance", fmt.Sprint(i))
			add(started, "process_start_time_seconds", "job", "monitor", "instance", fmt.Sprint(i))
		}
	}
	for text, v := range s.others {
		ls, err := newParser().ParseMetric(text)
		if err != nil {
			p.t.Fatal(err)
		}
		var kv []string
		ls.Range(func(l labels.Label) {
			if l.Name != model.MetricNameLabel {
				kv = append(kv, l.Name, l.Value)
			}
		})
		add(v, ls.Get(model.MetricNameLabel), kv...)
	}
	// What a scrape no longer finds is marked, as Prometheus does it.
	for key := range before {
		if !p.scraped[key] {
			if _, err := app.Append(p.refs[key], labels.EmptyLabels(), at.UnixMilli(), math.Float64frombits(staleNaN)); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	if err := app.Commit(); err != nil {
		p.t.Fatal(err)
	}
}

// fired returns when each alert first began to fire after start, and the whole
// log for messages.
func (p *platform) fired(start time.Time) map[string]time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := map[string]time.Duration{}
	for _, e := range p.log {
		if _, ok := first[e.alert]; e.firing && !ok {
			first[e.alert] = e.at.Sub(start)
		}
	}
	return first
}

// resolved returns when the alert last ceased to fire after start.
func (p *platform) resolved(alert string, start time.Time) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.log) - 1; i >= 0; i-- {
		if e := p.log[i]; e.alert == alert {
			return e.at.Sub(start), !e.firing
		}
	}
	return 0, false
}

// changes is how often the alert began or ceased to fire.
func (p *platform) changes(alert string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.log {
		if e.alert == alert {
			n++
		}
	}
	return n
}

// value is the newest value of one series; false when there is none.
func (p *platform) value(expr string) (float64, bool) {
	p.t.Helper()
	q, err := p.engine.NewInstantQuery(context.Background(), p.db, nil, expr, time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(context.Background()).Vector()
	if err != nil {
		p.t.Fatal(err)
	}
	if len(v) == 0 {
		return 0, false
	}
	if len(v) > 1 {
		p.t.Fatalf("%s has %d series", expr, len(v))
	}
	return v[0].F, true
}

// poisoned lists recorded series that ever held NaN or an infinity.
func (p *platform) poisoned() []string {
	p.t.Helper()
	q, err := p.db.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		p.t.Fatal(err)
	}
	defer q.Close()
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", "ballast_slo:.*"))
	var bad []string
	for set.Next() {
		it := set.At().Iterator(nil)
		for it.Next() != 0 {
			if _, v := it.At(); (math.IsNaN(v) && math.Float64bits(v) != staleNaN) || math.IsInf(v, 0) {
				bad = append(bad, set.At().Labels().String())
				break
			}
		}
	}
	if set.Err() != nil {
		p.t.Fatal(set.Err())
	}
	return bad
}

const staleNaN = 0x7ff0000000000002

// committed are the rule files of this repository.
func committed(t *testing.T, scale float64) []rulefmt.RuleGroup {
	t.Helper()
	groups, err := Load(filepath.Join(alertsDir, "rules", "prometheus"))
	if err != nil {
		t.Fatal(err)
	}
	if scale == 1 {
		return groups
	}
	return scaled(t, groups, scale)
}

// scaled are groups as the local target runs them.
func scaled(t *testing.T, groups []rulefmt.RuleGroup, scale float64) []rulefmt.RuleGroup {
	t.Helper()
	groups, err := Scale(groups, scale)
	if err != nil {
		t.Fatal(err)
	}
	for i := range groups {
		if groups[i].Interval > 0 {
			groups[i].Interval = max(groups[i].Interval, model.Duration(time.Second))
		}
	}
	return groups
}

// keyOf is alertname, alertname/long_window, or alertname/page where trouble with the
// data became a page.
func keyOf(name string, labels map[string]string) string {
	switch {
	case labels[LabelLongWindow] != "":
		return name + "/" + labels[LabelLongWindow]
	case labels[LabelSLO] != "" && labels[LabelSeverity] == slo.Page:
		return name + "/page"
	}
	return name
}
