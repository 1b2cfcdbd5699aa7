package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// planner is a target that returns a given plan and can do nothing else.
type planner struct {
	engine.Target
	plans map[string]fault.Plan // by name of the first fault
}

func (p planner) Plan(_ context.Context, _ fault.RunID, fs []fault.Fault) (fault.Plan, error) {
	plan, ok := p.plans[fs[0].Name]
	if !ok {
		return fault.Plan{}, fault.ErrNotInjectable
	}
	return plan, nil
}

// planSite is a fakeSite with a planner in its places.
type planSite struct {
	*fakeSite
	target planner
}

func (s planSite) open(ctx context.Context, x experiment.Experiment, exclusive bool) (*place, error) {
	p, err := s.fakeSite.open(ctx, x, exclusive)
	if p != nil {
		p.Target = s.target
	}
	return p, err
}

func withFaults(names ...string) []experiment.Experiment {
	out := named(names...)
	for i := range out {
		out[i].Faults = []fault.Fault{{Kind: "PodChaos", Name: out[i].Name}}
	}
	return out
}

func TestPlanSaysWhatWouldKeepARunFromItsWork(t *testing.T) {
	hit := fault.Fault{Kind: "PodChaos", Name: "hit"}
	miss := fault.Fault{Kind: "PodChaos", Name: "miss"}
	site := planSite{&fakeSite{}, planner{plans: map[string]fault.Plan{
		"hit":  {Faults: []fault.Planned{{Fault: hit, Targets: []fault.Target{{Namespace: "default", Pod: "a"}}}}},
		"miss": {Faults: []fault.Planned{{Fault: miss}}},
	}}}
	plans, err := plan(t.Context(), site, withFaults("hit", "miss", "impossible"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range plans {
		got = append(got, p.Experiment+": "+p.Problem)
	}
	want := []string{
		"hit: ",
		"miss: " + miss.ID() + ": " + fault.ErrNoTarget.Error(),
		"impossible: " + fault.ErrNotInjectable.Error(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems, want − and got +:\n%s", diff)
	}
	if site.closed != 1 {
		t.Errorf("%d places were closed, want 1", site.closed)
	}
}

func TestPlanOfATargetThatDoesNotStartIsAProblemOfEachExperiment(t *testing.T) {
	site := &fakeSite{openErr: map[string]error{"a": errors.New("no more ports")}}
	plans, err := plan(t.Context(), site, withFaults("a", "b"))
	if err != nil || len(plans) != 2 {
		t.Fatalf("%d plans, error %v; want 2", len(plans), err)
	}
	for _, p := range plans {
		if !strings.Contains(p.Problem, "no more ports") {
			t.Errorf("%s: %q does not say why", p.Experiment, p.Problem)
		}
	}
}

func TestPlanThatIsInterruptedEndsLikeARun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	plans, err := plan(ctx, &fakeSite{}, withFaults("a"))
	if len(plans) > 0 || exitCode(err) != result.Inconclusive.Exit() {
		t.Errorf("plans %v, error %v with exit code %d; want none and %d", plans, err, exitCode(err), result.Inconclusive.Exit())
	}
}

func TestPlanShowsTheRightsAndWhoIsInTheWay(t *testing.T) {
	hit := fault.Fault{Kind: "PodChaos", Name: "hit"}
	site := surveyed{planSite{&fakeSite{}, planner{plans: map[string]fault.Plan{
		"hit": {Faults: []fault.Planned{{Fault: hit, Targets: []fault.Target{{Namespace: "default", Pod: "a"}}}}},
	}}}, map[string]survey{
		"hit": {
			Rights: []cluster.Right{{Namespace: "monitor", Resource: "pods", Verbs: []string{"list", "watch"}}},
			Runs:   []cluster.Collision{{Run: "other-1", Experiment: "other", Holder: "elsewhere", Since: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Shared: []string{"workload monitor/deployment/monitor"}}},
		},
		"hidden": {
			Rights:  []cluster.Right{{Namespace: "monitor", Resource: "pods", Verbs: []string{"list", "watch"}, Missing: []string{"watch"}}},
			problem: lacking([]cluster.Right{{Namespace: "monitor", Resource: "pods", Verbs: []string{"list", "watch"}, Missing: []string{"watch"}}}), blind: true,
		},
	}}
	plans, err := plan(t.Context(), site, withFaults("hit", "hidden"))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, p := range plans {
		if err := printPlan(streams{out: &out}, formatText, p); err != nil {
			t.Fatal(err)
		}
	}
	want := `hit: 1 targets, 100% of the workload
  baseline lasts 4 s, 4 s longer than asked for: the scrape interval needs it
  recover lasts 13 s, 13 s longer than asked for: the scrape interval needs it
  PodChaos/hit  (): default/a
  right: pods in namespace monitor: list, watch
  conflicts with: run other-1 of experiment other, started by elsewhere at 2026-03-04T05:06:07Z, has workload monitor/deployment/monitor; a run waits until that one ends, and is busy if that takes too long
hidden: cannot run: this user lacks rights that a run needs: watch pods in namespace monitor
  baseline lasts 4 s, 4 s longer than asked for: the scrape interval needs it
  recover lasts 13 s, 13 s longer than asked for: the scrape interval needs it
  right: pods in namespace monitor: list, watch; missing: watch
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("want − and got +:\n%s", diff)
	}
	var read struct {
		Rights []cluster.Right     `json:"rights"`
		Runs   []cluster.Collision `json:"runs"`
	}
	out.Reset()
	if err := errors.Join(printPlan(streams{out: &out}, formatJSON, plans[0]), json.Unmarshal([]byte(out.String()), &read)); err != nil || len(read.Rights) != 1 || len(read.Runs) != 1 {
		t.Errorf("%v: %s", err, out.String())
	}
}

// surveyed is a planSite on a cluster that others use, too.
type surveyed struct {
	planSite
	surveys map[string]survey
}

func (s surveyed) open(ctx context.Context, x experiment.Experiment, exclusive bool) (*place, error) {
	p, err := s.planSite.open(ctx, x, exclusive)
	if p != nil {
		p.survey = func(_ context.Context, x experiment.Experiment) survey { return s.surveys[x.Name] }
	}
	return p, err
}
