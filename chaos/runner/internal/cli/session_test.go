package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// fakeSite opens places in which nothing is, and keeps the books of who was in
// one together with whom.
type fakeSite struct {
	openErr map[string]error // by experiment
	opening time.Duration    // how long it takes
	private bool             // each place has a Prometheus of its own

	mu     sync.Mutex
	inside map[string]bool // names, with whether they asked to be alone
	most   int             // most at once
	order  []string
	shared []string // who was inside together with one that asked to be alone
	closed int
}

func (f *fakeSite) open(ctx context.Context, x experiment.Experiment, exclusive bool) (*place, error) {
	select {
	case <-time.After(f.opening):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := f.openErr[x.Name]; err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inside == nil {
		f.inside = map[string]bool{}
	}
	for other, alone := range f.inside {
		if alone || exclusive {
			f.shared = append(f.shared, other+" with "+x.Name)
		}
	}
	f.inside[x.Name] = exclusive
	f.most = max(f.most, len(f.inside))
	f.order = append(f.order, x.Name)
	return &place{
		shared: !f.private,
		close: func(context.Context) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.inside, x.Name)
			f.closed++
			return nil
		},
	}, nil
}

func (*fakeSite) info() result.TargetInfo { return result.TargetInfo{} }

func (*fakeSite) close() {}

func (*fakeSite) exclusive(x experiment.Experiment) bool { return strings.HasPrefix(x.Name, "alone") }

// Keeping the samples of a long run takes longer than closing a place may.
func TestClosingAPlaceHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{
			done:  func(result.Run) { time.Sleep(time.Minute) },
			close: func(ctx context.Context) error { return ctx.Err() },
		}
		if err := new(session).leave(p, result.Run{}); err != nil {
			t.Errorf("close had no time left: %v", err)
		}
	})
}

// stage is a session over a fake site whose verdicts are given.
type stage struct {
	session
	site     *fakeSite
	verdicts map[string]result.Verdict // by experiment; pass without an entry
	longer   string                    // the experiment that lasts two minutes instead of one
	events   []result.Event
}

func newStage(site *fakeSite) *stage {
	st := &stage{site: site, verdicts: map[string]result.Verdict{}}
	var mu sync.Mutex
	st.session = session{
		site: site, parallel: 1, log: slog.New(slog.DiscardHandler),
		emit: func(e result.Event) {
			mu.Lock()
			defer mu.Unlock()
			st.events = append(st.events, e)
		},
		judge: func(ctx context.Context, cfg engine.Config, x experiment.Experiment) (result.Run, error) {
			r := result.Run{Name: x.Name, Attempt: cfg.Attempt, Control: cfg.Control, Judgment: result.Judgment{Verdict: result.Pass}}
			if v, ok := st.verdicts[x.Name]; ok {
				r.Verdict = v
			}
			lasts := time.Minute
			if x.Name == st.longer {
				lasts *= 2
			}
			select {
			case <-time.After(lasts):
			case <-ctx.Done():
				r.Verdict, r.Reason = result.Inconclusive, result.Interrupted
			}
			return r, nil
		},
	}
	return st
}

func named(names ...string) []experiment.Experiment {
	var out []experiment.Experiment
	for _, n := range names {
		out = append(out, experiment.Experiment{Name: n})
	}
	return out
}

// outcomes are the results in short: name verdict reason.
func outcomes(runs []result.Run) []string {
	var out []string
	for _, r := range runs {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Name, r.Verdict, r.Reason)))
	}
	return out
}

func TestSession(t *testing.T) {
	for _, c := range []struct {
		name      string
		set       func(*stage)
		run       []experiment.Experiment
		repeat    int
		interrupt time.Duration // after the start; 0 for never
		want      []string
		check     func(*testing.T, *stage, []result.Run)
	}{
		{
			name: "results come in the order of the documents, whoever is alone or first",
			set:  func(s *stage) { s.parallel = 3 },
			run:  named("alone-a", "b", "c", "alone-d", "e"),
			want: []string{"alone-a pass", "b pass", "c pass", "alone-d pass", "e pass"},
			check: func(t *testing.T, s *stage, _ []result.Run) {
				if s.site.most != 3 {
					t.Errorf("%d at once, want 3", s.site.most)
				}
				if len(s.site.shared) > 0 {
					t.Errorf("not alone: %v", s.site.shared)
				}
				if got := s.site.order[3:]; !slices.Equal(got, []string{"alone-a", "alone-d"}) {
					t.Errorf("last in line were %v, want those that must be alone", got)
				}
				if s.site.closed != 5 {
					t.Errorf("%d places were closed, want 5", s.site.closed)
				}
			},
		},
		{
			name: "a control run disturbs nobody, so nobody is alone",
			set:  func(s *stage) { s.parallel, s.control = 2, true },
			run:  named("alone-a", "alone-b"),
			want: []string{"alone-a pass", "alone-b pass"},
			check: func(t *testing.T, s *stage, _ []result.Run) {
				if s.site.most != 2 || len(s.site.shared) > 0 {
					t.Errorf("%d at once, want 2; alone were %v", s.site.most, s.site.shared)
				}
			},
		},
		{
			name:   "a round of all comes before the next round",
			run:    named("a", "b"),
			repeat: 2,
			want:   []string{"a pass", "b pass", "a pass", "b pass"},
			check: func(t *testing.T, _ *stage, runs []result.Run) {
				for i, want := range []int{1, 1, 2, 2} {
					if runs[i].Attempt != want {
						t.Errorf("runs[%d] is attempt %d, want %d", i, runs[i].Attempt, want)
					}
				}
			},
		},
		{
			name: "after an abort the rest is skipped",
			set:  func(s *stage) { s.verdicts["b"] = result.Aborted },
			run:  named("a", "b", "c", "alone-d"),
			want: []string{"a pass", "b aborted", "c inconclusive skipped", "alone-d inconclusive skipped"},
			check: func(t *testing.T, s *stage, runs []result.Run) {
				if !strings.Contains(runs[2].Summary, "b ended with aborted") {
					t.Errorf("the skipped run does not say why: %q", runs[2].Summary)
				}
				if len(s.events) != 2 || s.events[0].Experiment != "c" || s.events[0].Reason != result.Skipped {
					t.Errorf("want a verdict event for each that was skipped: %+v", s.events)
				}
			},
		},
		{
			name: "after residue the rest is skipped",
			set:  func(s *stage) { s.verdicts["a"] = result.Residual },
			run:  named("a", "b"),
			want: []string{"a residue", "b inconclusive skipped"},
		},
		{
			name: "what runs beside an abort is finished",
			set:  func(s *stage) { s.parallel, s.longer, s.verdicts["a"] = 2, "b", result.Aborted },
			run:  named("a", "b", "c"),
			want: []string{"a aborted", "b pass", "c inconclusive skipped"},
		},
		{
			name: "a fail skips nothing",
			set:  func(s *stage) { s.verdicts["a"] = result.Fail },
			run:  named("a", "b"),
			want: []string{"a fail", "b pass"},
		},
		{
			name: "with keep-going nothing is skipped",
			set: func(s *stage) {
				s.keepGoing, s.verdicts["a"], s.verdicts["b"] = true, result.Residual, result.Aborted
			},
			run:  named("a", "b", "alone-c"),
			want: []string{"a residue", "b aborted", "alone-c pass"},
		},
		{
			name:      "an interrupt ends what runs and skips the rest",
			run:       named("a", "b", "alone-c"),
			interrupt: 90 * time.Second,
			want:      []string{"a pass", "b inconclusive interrupted", "alone-c inconclusive skipped"},
			check: func(t *testing.T, s *stage, _ []result.Run) {
				if s.site.closed != 2 {
					t.Errorf("%d places were closed, want 2", s.site.closed)
				}
			},
		},
		{
			name:      "an interrupt while the target is started is one of that run",
			set:       func(s *stage) { s.site.opening = time.Minute },
			run:       named("a", "b"),
			interrupt: 30 * time.Second,
			want:      []string{"a inconclusive interrupted", "b inconclusive skipped"},
		},
		{
			name: "an interrupt between two runs is reported by the first run that does not start",
			set: func(s *stage) {
				s.verdicts["a"] = result.Fail
				judge := s.judge
				s.judge = func(ctx context.Context, cfg engine.Config, x experiment.Experiment) (result.Run, error) {
					// A run that is over when the signal comes does not notice it.
					return judge(context.WithoutCancel(ctx), cfg, x)
				}
			},
			run:       named("a", "b", "c"),
			interrupt: 30 * time.Second,
			want:      []string{"a fail", "b inconclusive interrupted", "c inconclusive skipped"},
			check: func(t *testing.T, _ *stage, runs []result.Run) {
				if got := result.Combine(runs); got != result.Inconclusive {
					t.Errorf("together %s, want inconclusive: an interrupt outranks a fail", got)
				}
			},
		},
		{
			name: "a site that cannot open costs that run alone",
			set:  func(s *stage) { s.site.openErr = map[string]error{"a": errors.New("no more ports")} },
			run:  named("a", "b"),
			want: []string{"a inconclusive target-unreachable", "b pass"},
			check: func(t *testing.T, s *stage, runs []result.Run) {
				if !strings.Contains(runs[0].Summary, "no more ports") {
					t.Errorf("the summary does not say why: %q", runs[0].Summary)
				}
				if len(s.events) != 1 || s.events[0].Verdict != result.Inconclusive {
					t.Errorf("want one verdict event: %+v", s.events)
				}
			},
		},
		{
			name: "a machine that others use for too long is busy",
			set: func(s *stage) {
				s.site.openErr = map[string]error{"a": fmt.Errorf("%w: waiting for the machine: %w", fault.ErrBusy, context.DeadlineExceeded)}
			},
			run:  named("a"),
			want: []string{"a inconclusive busy"},
		},
		{
			name: "a target whose kill switch is set says so for each experiment",
			set: func(s *stage) {
				err := fmt.Errorf("ConfigMap ballast/kill-switch: %w", fault.ErrKillSwitch)
				s.site.openErr = map[string]error{"a": err, "b": err}
			},
			run:  named("a", "b"),
			want: []string{"a inconclusive kill-switch", "b inconclusive kill-switch"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStage(&fakeSite{})
				if c.set != nil {
					c.set(st)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.interrupt > 0 {
					time.AfterFunc(c.interrupt, cancel)
				}
				runs, err := st.run(ctx, attempts(c.run, max(1, c.repeat)))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, outcomes(runs)); diff != "" {
					t.Errorf("outcomes, want − and got +:\n%s", diff)
				}
				if len(st.site.inside) > 0 {
					t.Errorf("places are still open: %v", st.site.inside)
				}
				if c.check != nil {
					c.check(t, st, runs)
				}
			})
		})
	}
}

// An internal error is not a verdict about the platform: it comes back as an error,
// and the place is left all the same.
func TestSessionReturnsInternalErrors(t *testing.T) {
	st := newStage(&fakeSite{})
	broken := errors.New("the judge fell asleep")
	st.judge = func(_ context.Context, _ engine.Config, x experiment.Experiment) (result.Run, error) {
		return result.Run{Name: x.Name, Judgment: result.Judgment{Verdict: result.Inconclusive, Reason: result.Interrupted}}, broken
	}
	runs, err := st.run(t.Context(), attempts(named("a"), 1))
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if len(runs) != 1 || st.site.closed != 1 {
		t.Errorf("%d runs and %d closed places, want 1 and 1", len(runs), st.site.closed)
	}
}

// Without a judge it is the engine's turn, which refuses a place without a target.
func TestSessionGoesThroughTheEngine(t *testing.T) {
	st := newStage(&fakeSite{})
	st.judge = nil
	runs, err := st.run(t.Context(), attempts(named("a"), 1))
	if err == nil || len(runs) != 1 || runs[0].Verdict != result.Inconclusive {
		t.Errorf("error %v, runs %v; want the engine's refusal", err, outcomes(runs))
	}
}
