//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/ballast-sre/ballast/internal/capability"
)

// listed is one experiment of the catalogue, as far as its expected verdict depends on it.
type listed struct {
	name   string
	faults []string // as [capability.Fault] names them
}

// catalogue reads every experiment that the runner's role can do.
func (r runner) catalogue(t *testing.T) (files []string, all []listed) {
	t.Helper()
	for _, pattern := range []string{"chaos/experiments/*.yaml", "chaos/cluster-experiments/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(r.root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	// The runner's role does not reach the namespace of Argo CD.
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == "argocd-repo-server-failure.yaml" })
	for _, file := range files {
		x, err := read(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, x)
	}
	return files, all
}

// read finds the name of an experiment, and what its faults are called.
func read(file string) (listed, error) {
	f, err := os.Open(file)
	if err != nil {
		return listed{}, err
	}
	defer f.Close()
	var x listed
	documents := yaml.NewYAMLOrJSONDecoder(f, 4096)
	for {
		var d struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     struct {
				Action    string
				Stressors map[string]any
			}
		}
		err := documents.Decode(&d)
		switch {
		case errors.Is(err, io.EOF):
			return x, nil
		case err != nil:
			return x, err
		case d.Kind == "Experiment":
			x.name = d.Metadata.Name
		case d.Spec.Action != "":
			x.faults = append(x.faults, d.Kind+"/"+d.Spec.Action)
		case len(d.Spec.Stressors) > 0:
			for name := range d.Spec.Stressors {
				x.faults = append(x.faults, d.Kind+"/"+name)
			}
		default:
			x.faults = append(x.faults, d.Kind)
		}
	}
}

// verdict is what an experiment should get here: not-injected for what the cluster calls
// impossible, what the document itself says where it cannot pass, and else a pass.
func (x listed) verdict(document capability.Document) (verdict, reason string) {
	for _, f := range capability.Faults() {
		if slices.Contains(x.faults, f.String()) && !document.Judge(f).Possible {
			return "inconclusive", "not-injected"
		}
	}
	if x.name == "prometheus-failure" { // by which every verdict is made
		return "inconclusive", "prometheus-unreachable"
	}
	return "pass", ""
}

// matches compares every outcome of a session with what was expected.
func matches(t *testing.T, got []outcome, want map[string]string) {
	t.Helper()
	for _, o := range got {
		is := o.Verdict + " " + o.Reason
		line := fmt.Sprintf("%s: %s, expected %s: %s", o.Name, is, want[o.Name], o.Summary)
		if is == want[o.Name] {
			t.Log(line)
		} else {
			t.Error(line)
		}
	}
}

// TestCatalogue runs every experiment, those that do not disturb each other side by side.
func TestCatalogue(t *testing.T) {
	skipUnless(t, everything(), "-catalogue=all: make e2e CATALOGUE=all")
	r := newRunner(t.Context(), t)
	files, all := r.catalogue(t)
	forgetful(t.Context(), t)
	want := map[string]string{}
	for _, x := range all {
		verdict, reason := x.verdict(capabilities(t.Context(), t))
		want[x.name] = verdict + " " + reason
	}
	feature(t, "the whole catalogue",
		check{"gets the verdicts that the cluster's capabilities predict", func(ctx context.Context, t *testing.T) {
			began := time.Now()
			s := r.start(ctx, t, append([]string{"--parallel=4"}, files...)...)
			got, _ := s.end(t, 40*time.Minute)
			figure(t, "the whole catalogue has run", time.Since(began).Minutes(), 20, "min")
			if len(got) != len(all) {
				t.Errorf("%d experiments have a verdict, of %d", len(got), len(all))
			}
			matches(t, got, want)
			figure(t, "requests to the API server", s.requests(t), 2, "/s")
			nothingLeft(ctx, t)
		}},
	)
}

// TestTwenty runs an experiment on each of twenty workloads at once.
func TestTwenty(t *testing.T) {
	skipUnless(t, everything(), "-catalogue=all: make e2e CATALOGUE=all")
	const twenty = 20
	r := newRunner(t.Context(), t)
	names := smallWorkloads(t.Context(), t, monitorNamespace, twenty)
	feature(t, "twenty experiments on twenty workloads",
		check{"run side by side, are judged each by its own SLI, and leave nothing", func(ctx context.Context, t *testing.T) {
			want := map[string]string{}
			var texts []string
			for i, name := range names {
				want[name] = "pass "
				spec := podFailure
				if i%2 == 0 {
					spec = "  action: pod-kill"
				}
				text := smallExperiment(name, "20s", spec)
				if i == twenty-1 { // one that has to fail: both pods are to serve
					text, want[name] = strings.Replace(text, "min: 1", "min: 2", 1), "fail slo-broken"
				}
				texts = append(texts, text)
			}
			began := time.Now()
			s := r.start(ctx, t, "--no-load", fmt.Sprintf("--parallel=%d", twenty), document(t, texts...))
			got, code := s.end(t, 10*time.Minute)
			t.Logf("all have ended after %.0f s, exit code %d", time.Since(began).Seconds(), code)
			if len(got) != twenty {
				t.Errorf("%d experiments have a verdict, of %d", len(got), twenty)
			}
			matches(t, got, want)
			figure(t, "memory of the runner with twenty experiments at once", s.memory(), 150, "MB")
			figure(t, "requests to the API server for each of twenty experiments", s.requests(t)/twenty, 2, "/s")
			nothingLeft(ctx, t)
		}},
	)
}

// TestAgainAndAgain repeats what has to get the same verdict each time.
func TestAgainAndAgain(t *testing.T) {
	skipUnless(t, *repeat > 1, "-repeat=N, and hours: make e2e CATALOGUE=all REPEAT=10")
	r := newRunner(t.Context(), t)
	forgetful(t.Context(), t)
	var checks []check
	again := func(what, name string, run func(ctx context.Context, t *testing.T, file string) []outcome) {
		checks = append(checks, check{fmt.Sprintf("%s gets the same verdict %d times", what, *repeat), func(ctx context.Context, t *testing.T) {
			got := run(ctx, t, r.experimentFile(name))
			if len(got) != *repeat {
				t.Errorf("%d runs have a verdict, of %d", len(got), *repeat)
			}
			matches(t, got, map[string]string{"monitor-" + name: "pass "})
			nothingLeft(ctx, t)
		}})
	}
	again("monitor-pod-kill", "pod-kill", func(ctx context.Context, t *testing.T, file string) []outcome {
		got, _ := r.start(ctx, t, fmt.Sprintf("--repeat=%d", *repeat), file).end(t, time.Duration(*repeat)*10*time.Minute)
		return got
	})
	// A partition of two minutes lasts until the kubelet has restarted the container, and it
	// waits twice as long each time, until that container has run for ten minutes.
	again("monitor-network-partition of pods that have not restarted", "network-partition", func(ctx context.Context, t *testing.T, file string) []outcome {
		var all []outcome
		for range *repeat {
			replacePods(ctx, t)
			got, _ := r.start(ctx, t, file).end(t, 10*time.Minute)
			all = append(all, got...)
		}
		return all
	})
	feature(t, "repeated experiments", checks...)
}

// replacePods rolls the monitor's Deployment out anew, and blocks until that has ended. An
// alert may be pending then for the pods that went.
func replacePods(ctx context.Context, t *testing.T) {
	t.Helper()
	const name = "monitor"
	patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"ballast.dev/e2e":%q}}}}}`, random("rollout"))
	if _, err := on.AppsV1().Deployments(monitorNamespace).Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, 5*time.Minute, "pods that have not restarted", func(ctx context.Context) (bool, string) {
		d, err := on.AppsV1().Deployments(monitorNamespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return rolledOut(d), fmt.Sprintf("%d of %d are there", d.Status.UpdatedReplicas, *d.Spec.Replicas)
	})
}

// everything says whether also what takes long is asked for.
func everything() bool { return *catalog == "all" }
