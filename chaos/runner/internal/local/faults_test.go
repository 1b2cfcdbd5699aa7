package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/prom"
)

const header = "apiVersion: chaos-mesh.org/v1alpha1\nmetadata: {name: f}\n"

// parse reads a fault as an experiment would have it.
func parse(t testing.TB, text string) fault.Fault {
	t.Helper()
	docs, problems := document.Split("f.yaml", []byte(header+text))
	if len(problems) > 0 || len(docs) != 1 {
		t.Fatalf("%d documents, problems %v", len(docs), problems)
	}
	f, problems := fault.Decode(docs[0])
	if len(problems) > 0 {
		t.Fatalf("%s\n%v", text, problems)
	}
	return f
}

func pods(mode string) string {
	return "  mode: " + mode + "\n  selector: {labelSelectors: {app.kubernetes.io/name: monitor}}\n"
}

func podChaos(mode, rest string) string { return "kind: PodChaos\nspec:\n" + pods(mode) + rest }
func networkChaos(mode, rest string) string {
	return "kind: NetworkChaos\nspec:\n" + pods(mode) + rest
}
func stressChaos(rest string) string { return "kind: StressChaos\nspec:\n" + pods("one") + rest }

// confirm polls as the engine does, until every effect is shown.
func confirm(t *testing.T, e *Environment, p fault.Plan) []fault.Effect {
	t.Helper()
	var effects []fault.Effect
	for end := time.Now().Add(patience); time.Now().Before(end); {
		var err error
		if effects, err = e.Effects(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		shown := true
		for _, effect := range effects {
			shown = shown && effect.Shown
		}
		if shown {
			return effects
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("not shown: %+v", effects)
	return nil
}

// healthy waits until all pods are ready and the gateway answers.
func healthy(t *testing.T, e *Environment) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	look := func() error {
		if err := probe(t.Context(), client, e.GatewayURL()+probePath); err != nil {
			return err
		}
		// A container that has just started anew is ready by what its predecessor said.
		for _, p := range e.fleet.all() {
			if err := probe(t.Context(), client, "http://"+p.proxy.address()+samplePath); err != nil {
				return err
			}
		}
		for _, p := range e.fleet.describe() {
			if !p.Ready {
				return fmt.Errorf("pod %s is not ready", p.Name)
			}
		}
		return nil
	}
	var last error
	since := time.Now()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if last = look(); last != nil {
			since = time.Now()
		} else if time.Since(since) > readyTimeout+readyPeriod/2 {
			return // also by a check that was under way when the fault ended
		}
	}
	t.Fatalf("the fleet is not healthy again: %v", last)
}

// calm waits some seconds until every path is fast. A fault is shown by how it differs from before, and
// what other tests of the suite take of the machine at its injection would be in that.
func calm(t *testing.T, e *Environment) {
	t.Helper()
	const fast, wait = 30 * time.Millisecond, 10 * time.Second
	var slowest time.Duration
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		slowest = 0
		for _, p := range e.fleet.all() {
			half, answered := median(samples(t.Context(), p.proxy.address(), 20, 4, time.Second))
			if answered == 0 {
				half = time.Second
			}
			slowest = max(slowest, half)
		}
		if slowest < fast {
			return
		}
	}
	t.Logf("the machine is busy: a path takes %s in the median, wanted below %s", slowest, fast)
}

func clean(t *testing.T, e *Environment) {
	t.Helper()
	residue, err := e.Residue(t.Context())
	if err != nil || len(residue) > 0 {
		t.Fatalf("residue: %v, %v", residue, err)
	}
}

// Each fault is injected, measured, held, recovered and has left nothing. One
// environment serves all of them, one after the other, as in a catalogue.
func TestEachFaultIsInjectedShownAndUndone(t *testing.T) {
	t.Parallel()
	e := start(t, nil)
	for _, row := range []struct {
		name, yaml string
		targets    int
		observed   string // some of what was measured
		emulated   bool
		exclusive  bool
	}{
		{"a pod is killed", podChaos("one", "  action: pod-kill"), 1, "took its place", false, false},
		{"a pod is killed with a grace period", podChaos("one", "  action: pod-kill\n  gracePeriod: 5"), 1, "took its place", false, false},
		{"a pod fails", podChaos("one", "  action: pod-failure\n  duration: 30s"), 1, "fails (connection reset)", true, false},
		{"all containers are killed", podChaos("all", "  action: container-kill\n  containerNames: [monitor]"), 3, "restarted as process", false, false},
		{"a path is slow", networkChaos("one", "  action: delay\n  delay: {latency: 150ms, jitter: 20ms}"), 1, "with half of the delay", true, false},
		{"a path loses packets", networkChaos("one", "  action: loss\n  loss: {loss: '40'}"), 1, "late by a retransmission", true, false},
		{"a path loses all packets", networkChaos("one", "  action: loss\n  loss: {loss: '100'}"), 1, "no answer within", true, false},
		{"a path is cut", networkChaos("fixed\n  value: '2'", "  action: partition"), 2, "no answer within", true, false},
		{"a path is rejected", networkChaos("one", "  action: partition\n  partitionBehavior: reject"), 1, "connection reset", true, false},
		{"a path is slow and loses packets", networkChaos("one", "  action: delay\n  delay: {latency: 150ms, jitter: 10ms}\n  loss: {loss: '40'}"), 1, "were late by a retransmission", true, false},
		{"a path is slow and loses all", networkChaos("one", "  action: delay\n  delay: {latency: 50ms}\n  loss: {loss: '100'}"), 1, "no answer within", true, false},
		{"a path is slow, loses packets and is narrow", networkChaos("one", "  action: netem\n  delay: {latency: 100ms}\n  loss: {loss: '30'}\n  rate: {rate: 1mbps}"), 1, "at a limit of 1.0 MB/s", true, false},
		{"a path is cut both ways", networkChaos("one", "  action: partition\n  direction: both"), 1, "downstream or upstream", true, false},
		{"a path is narrow", networkChaos("one", "  action: bandwidth\n  bandwidth: {rate: 200kbps, limit: 20971520, buffer: 10000}"), 1, "at a limit of 200.0 kB/s", true, false},
		{"a pod's cpu is busy", stressChaos("  stressors: {cpu: {workers: 2, load: 60}}"), 1, "CPU seconds per second", true, true},
		{"a pod's memory is taken", stressChaos("  stressors: {memory: {workers: 2, size: 20MB}}"), 1, "of the 20.0 MB asked", true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			run := fault.RunID("run-" + strings.ReplaceAll(row.name, " ", "-"))
			plan, err := e.Plan(t.Context(), run, []fault.Fault{parse(t, row.yaml)})
			if err != nil {
				t.Fatal(err)
			}
			if p := plan.Faults[0]; len(p.Targets) != row.targets || p.Ready["Deployment/monitor"] != 3 || (p.Emulated != "") != row.emulated || Exclusive([]fault.Fault{p.Fault}) != row.exclusive {
				t.Errorf("plan: %+v", p)
			}
			clean(t, e) // a plan injects nothing
			calm(t, e)
			t.Cleanup(func() { // a row that fails leaves the next one a fleet without faults
				if err := e.Recover(context.WithoutCancel(t.Context()), run); err != nil {
					t.Error(err)
				}
			})
			if effects, err := e.Effects(t.Context(), plan); err != nil || effects[0].Injected || effects[0].Shown {
				t.Errorf("effect before the injection: %+v, %v", effects, err)
			}
			if err := e.Inject(t.Context(), plan); err != nil {
				t.Fatal(err)
			}
			for _, effect := range confirm(t, e, plan) {
				if !effect.Injected || !strings.Contains(effect.Observed, row.observed) {
					t.Errorf("effect: %+v", effect)
				}
				t.Log(effect.Observed)
			}
			if !plan.Faults[0].Fault.OneShot {
				if residue, err := e.Residue(t.Context()); err != nil || len(residue) == 0 || residue[0].Run != run {
					t.Errorf("residue under the fault: %v, %v", residue, err)
				}
			}
			for range 2 {
				if err := e.Recover(t.Context(), run); err != nil {
					t.Fatal(err)
				}
			}
			clean(t, e)
			healthy(t, e)
		})
	}
}

// Several kills of one container are a loop of restarts, and each life is long enough to be scraped.
func TestKillsOfOneContainerFollowEachOther(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	var kills []fault.Fault
	for _, name := range []string{"first", "second", "third"} {
		kill := parse(t, podChaos("all", "  action: container-kill\n  containerNames: [monitor]"))
		kill.Name = name
		kills = append(kills, kill)
	}
	plan, err := e.Plan(t.Context(), "loop", kills)
	if err != nil {
		t.Fatal(err)
	}
	before, began := e.fleet.all()[0].state(), time.Now()
	if err := e.Inject(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	confirm(t, e, plan)
	var victims []*container
	for _, i := range e.active["loop"] {
		k := as[*killedContainer](t, i.effector)
		if slices.Contains(victims, k.before) {
			t.Errorf("%s was killed twice", k.before)
		}
		victims = append(victims, k.before)
		if n := len(victims); n > 2 && k.before.up.Sub(victims[n-2].up) < k.lived {
			t.Errorf("%s and the one before it began %s apart", k.before, k.before.up.Sub(victims[n-2].up))
		}
	}
	if least := 2 * 2 * e.cfg.Scrape; len(victims) != 3 || took < least {
		t.Errorf("%d kills within %s, want 3 in %s at least: none lives for long enough to be scraped", len(victims), took, least)
	}
	if s := e.fleet.all()[0].state(); s.starts != before.starts+3 {
		t.Errorf("%d starts after three kills, %d before", s.starts, before.starts)
	}
	if err := e.Recover(t.Context(), "loop"); err != nil {
		t.Fatal(err)
	}
	healthy(t, e)
}

func TestAKillThatComesAfterAnotherWaitsForAContainer(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	p := barePod(t, e)
	first := as[*killedContainer](t, containerKill{}.on(e, p, "run/1", podBaseline{}))
	if err := first.inject(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	second := as[*killedContainer](t, containerKill{}.on(e, p, "run/2", podBaseline{}))
	if err := second.inject(ctx); err == nil || second.before != nil {
		t.Errorf("it killed the container that was killed already, or none: %v, %v", second.before, err)
	}
}

func TestTheLoadGeneratorCanBeLostSightOfAndNothingElse(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	on := func(text string) fault.Fault {
		return parse(t, strings.ReplaceAll(text, "name: monitor}", "name: probe}"))
	}
	for _, row := range []string{podChaos("all", "  action: pod-kill"), stressChaos("  stressors: {cpu: {workers: 1}}")} {
		if _, err := e.Plan(t.Context(), "no", []fault.Fault{on(row)}); !errors.Is(err, fault.ErrNotInjectable) || !strings.Contains(err.Error(), "the load generator, which is a part of the runner") {
			t.Errorf("%s\n%v", row, err)
		}
	}
	plan, err := e.Plan(t.Context(), "cut", []fault.Fault{on(networkChaos("all", "  action: partition"))})
	if err != nil {
		t.Fatal(err)
	}
	if p := plan.Faults[0]; !p.Blinds || len(p.Targets) != 1 || p.Targets[0].Workload != "Deployment/probe" || p.Ready["Deployment/probe"] != 1 || !strings.Contains(p.Emulated, "fitness") {
		t.Errorf("plan: %+v", p)
	}
	others, err := e.Plan(t.Context(), "cut", []fault.Fault{parse(t, networkChaos("all", "  action: partition"))})
	if err != nil || others.Faults[0].Blinds || len(others.Faults[0].Targets) != 1 {
		t.Errorf("plan of the fleet: %+v, %v", others, err)
	}
	if plan, err = e.Plan(t.Context(), "cut", []fault.Fault{on(networkChaos("all", "  action: partition"))}); err != nil {
		t.Fatal(err)
	}
	client, err := prom.New(prom.Config{URL: e.PrometheusURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sees := func(expr string, want float64) func() bool {
		return func() bool {
			s, err := client.Instant(t.Context(), expr, time.Time{})
			return err == nil && s.V == want
		}
	}
	if err := e.Inject(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	confirm(t, e, plan)
	eventually(t, "the probe is down", sees(`up{job="probe"}`, 0))
	eventually(t, "nothing counts requests", sees(`absent(probe_requests_total)`, 1))
	if h, err := e.Health(t.Context(), plan); err != nil || len(h) != 1 || h[0].Wanted != 1 || h[0].Ready != 1 {
		t.Errorf("health: %+v, %v", h, err)
	}
	if c, err := e.Coverage(t.Context(), plan); err != nil || len(c) != 1 || c[0].UnderFault != 1 {
		t.Errorf("coverage: %+v, %v", c, err)
	}
	if residue, err := e.Residue(t.Context()); err != nil || len(residue) != 1 {
		t.Errorf("residue under the fault: %v, %v", residue, err)
	}
	if err := e.Recover(t.Context(), "cut"); err != nil {
		t.Fatal(err)
	}
	clean(t, e)
	eventually(t, "the probe is back", sees(`up{job="probe"}`, 1))
}

func TestFaultsOnOnePodComposeAndEndAlone(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	slow := parse(t, networkChaos("one", "  action: delay\n  delay: {latency: 100ms}"))
	lossy := parse(t, networkChaos("one", "  action: loss\n  loss: {loss: '50'}\n  duration: 3s"))
	lossy.Name, slow.Name = "lossy", "slow"

	plan, err := e.Plan(t.Context(), "both", []fault.Fault{slow, lossy})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Inject(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if got := len(e.fleet.all()[0].proxy.active()); got != 2 {
		t.Errorf("%d toxics, want 2", got)
	}
	if _, err := e.Plan(t.Context(), "other", []fault.Fault{slow}); !errors.Is(err, fault.ErrBusy) {
		t.Errorf("a second run beside the first: %v", err)
	}
	// The loss ends by itself; the delay goes on.
	for end := time.Now().Add(patience); len(e.fleet.all()[0].proxy.active()) > 1 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	var effects []fault.Effect
	for end := time.Now().Add(patience); time.Now().Before(end); {
		// One measurement may miss a delay on a busy machine; the engine measures again, too.
		if effects, err = e.Effects(t.Context(), plan); err != nil {
			t.Fatal(err)
		}
		if effects[0].Shown {
			break
		}
	}
	if !effects[0].Shown || effects[1].Shown || !strings.Contains(effects[1].Observed, "by itself") {
		t.Errorf("effects: %+v", effects)
	}
	if err := e.Recover(t.Context(), "both"); err != nil {
		t.Fatal(err)
	}
	clean(t, e)

	// Two holds: the first to end does not free the pod.
	p := e.fleet.all()[0]
	p.hold("a/1")
	p.hold("b/2")
	p.release("a/1")
	if s := p.state(); !s.held {
		t.Error("the second hold went with the first")
	}
	p.release("b/2")
	healthy(t, e)
}

func TestWhatThisTargetCannotDoIsRefusedWithTheReason(t *testing.T) {
	for _, row := range []struct{ name, yaml, reason string }{
		{"another kind", "kind: IOChaos\nspec:\n" + pods("one") + "  action: latency\n  volumePath: /data\n  delay: 10ms", "run it on a cluster"},
		{"duplicate", networkChaos("one", "  action: duplicate\n  duplicate: {duplicate: '10'}"), "packets"},
		{"corrupt", networkChaos("one", "  action: corrupt\n  corrupt: {corrupt: '10'}"), "packets"},
		{"a duplicate beside a delay", networkChaos("one", "  action: delay\n  delay: {latency: 10ms}\n  duplicate: {duplicate: '10'}"), "packets"},
		{"a corruption beside a loss", networkChaos("one", "  action: loss\n  loss: {loss: '10'}\n  corrupt: {corrupt: '10'}"), "packets"},
		{"a loss near nothing", networkChaos("one", "  action: loss\n  loss: {loss: '0.5'}"), "less than 1%"},
		{"a loss of nearly all beside a delay", networkChaos("one", "  action: loss\n  loss: {loss: '97'}\n  delay: {latency: 10ms}"), "too little comes through"},
		{"a wide jitter beside a loss", networkChaos("one", "  action: netem\n  loss: {loss: '10'}\n  delay: {latency: 100ms, jitter: 80ms}"), "distinguished from a retransmission"},
		{"a slow rate beside a delay", networkChaos("one", "  action: delay\n  delay: {latency: 10ms}\n  rate: {rate: 100kbps}"), "its queue cannot be distinguished"},
		{"a target", networkChaos("one", "  action: partition\n  direction: both\n  target:\n    mode: all\n    selector: {labelSelectors: {a: b}}"), "one path"},
		{"external targets", networkChaos("one", "  action: partition\n  externalTargets: [example.com]"), "nothing outside"},
		{"a device", networkChaos("one", "  action: delay\n  device: eth0\n  delay: {latency: 10ms}"), "no network device"},
		{"correlated delay", networkChaos("one", "  action: delay\n  delay: {latency: 10ms, jitter: 1ms, correlation: '25'}"), "independently"},
		{"correlated loss", networkChaos("one", "  action: loss\n  loss: {loss: '10', correlation: '25'}"), "independently"},
		{"reorder", networkChaos("one", "  action: delay\n  delay: {latency: 10ms, reorder: {reorder: '10', gap: 2}}"), "keeps its order"},
		{"a delay below a millisecond", networkChaos("one", "  action: delay\n  delay: {latency: 100us}"), "whole milliseconds"},
		{"a rate near nothing", networkChaos("one", "  action: bandwidth\n  bandwidth: {rate: 8bit, limit: 1, buffer: 1}"), "below 100 bytes"},
		{"a peak rate", networkChaos("one", "  action: bandwidth\n  bandwidth: {rate: 1mbps, limit: 1, buffer: 1, peakrate: 5, minburst: 1500}"), "peakrate"},
		{"stress-ng", stressChaos("  stressngStressors: --cpu 1"), "no stress-ng"},
		{"cpu options", stressChaos("  stressors: {cpu: {workers: 1, options: ['--x']}}"), "leave them out"},
		{"too many workers", stressChaos("  stressors: {cpu: {workers: 1000}}"), "1 to 256"},
		{"memory without a size but with options", stressChaos("  stressors: {memory: {workers: 1, options: [--size, 1MB]}}"), "leave them out"},
		{"more memory than there is", stressChaos("  stressors: {memory: {workers: 1, size: 90%}}"), "give less"},
		{"a better oom score", stressChaos("  stressors: {memory: {workers: 1, size: 1MB, oomScoreAdj: -5}}"), "privileges"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := actionFor(parse(t, row.yaml))
			if !errors.Is(err, fault.ErrNotInjectable) || !strings.Contains(err.Error(), row.reason) {
				t.Errorf("got %v, want the reason %q", err, row.reason)
			}
		})
	}
}

func TestPlanSaysWhyThereIsNothingToHit(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	nobody := parse(t, "kind: PodChaos\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: nobody}}}")
	if _, err := e.Plan(t.Context(), "r", []fault.Fault{nobody}); !errors.Is(err, fault.ErrNoTarget) {
		t.Errorf("no match: %v", err)
	}
	cannot := parse(t, networkChaos("one", "  action: corrupt\n  corrupt: {corrupt: '10'}"))
	if _, err := e.Plan(t.Context(), "r", []fault.Fault{nobody, cannot}); !errors.Is(err, fault.ErrNotInjectable) {
		t.Errorf("not injectable: %v", err)
	}
	if err := e.Recover(t.Context(), "never-seen"); err != nil {
		t.Errorf("recover of a run that was never here: %v", err)
	}

	// A pod that goes between plan and injection is not hit, and nobody else is.
	kill := parse(t, podChaos("one", "  action: pod-kill"))
	plan, err := e.Plan(t.Context(), "late", []fault.Fault{kill})
	if err != nil {
		t.Fatal(err)
	}
	gone := e.fleet.all()[0]
	if err := e.fleet.delete(gone, 0); err != nil {
		t.Fatal(err)
	}
	<-gone.done
	for end := time.Now().Add(patience); len(e.fleet.all()) > 1 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if err := e.Inject(t.Context(), plan); !errors.Is(err, fault.ErrNoTarget) || errors.Is(err, fault.ErrPartial) {
		t.Errorf("inject into a pod that is gone: %v", err)
	}
	if err := e.Recover(t.Context(), "late"); err != nil {
		t.Error(err)
	}
}
