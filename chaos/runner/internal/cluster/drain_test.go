package cluster

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/document"
)

func drainOf(t *testing.T, mode string) fault.Fault {
	t.Helper()
	docs, problems := document.Split("fault.yaml", []byte("apiVersion: ballast.dev/v1alpha1\nkind: NodeDrain\nmetadata: {name: d}\nspec: {mode: "+mode+", selector: {labelSelectors: {app: monitor}}}\n"))
	if len(problems) > 0 || len(docs) != 1 {
		t.Fatal(problems)
	}
	f, problems := fault.Decode(docs[0])
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return f
}

// evictions is the part of an API server that evicts: answer decides about a pod.
type evictions struct {
	mu     sync.Mutex
	asked  []string // pod and UID, with "(dry run)"
	answer func(pod string, dry bool) error
}

func (e *evictions) serve(c *fake.Clientset) {
	react(&c.Fake, "create", "pods/eviction", func(a clienttesting.Action) (bool, runtime.Object, error) {
		o := as[*policyv1.Eviction](as[clienttesting.CreateAction](a).GetObject())
		dry := slices.Contains(o.DeleteOptions.DryRun, metav1.DryRunAll)
		text := o.Name + " " + string(*o.DeleteOptions.Preconditions.UID)
		if dry {
			text += " (dry run)"
		}
		e.mu.Lock()
		e.asked = append(e.asked, text)
		e.mu.Unlock()
		return true, nil, e.answer(o.Name, dry)
	})
}

func (e *evictions) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.asked)
}

// byBudget is how an API server refuses an eviction because of a disruption budget.
func byBudget() error {
	err := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: policyv1.DisruptionBudgetCause, Message: "The disruption budget monitor needs 2 healthy pods and has 2 currently"}}
	return err
}

func hits(names ...string) []fault.Target {
	var out []fault.Target
	for _, n := range names {
		out = append(out, fault.Target{Namespace: "monitor", Pod: n, UID: "uid-" + n, Workload: "deployment/monitor"})
	}
	return out
}

func TestADrainEvictsOnePodAfterAnotherAsItsBudgetAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, begin := fake.NewClientset(), time.Now()
		e := &evictions{answer: func(pod string, _ bool) error {
			if pod == "b" && time.Since(begin) < 5*time.Second {
				return byBudget()
			}
			return nil
		}}
		e.serve(client)
		d := startDrain(t.Context(), client, hits("a", "b", "c"))
		defer d.stop()
		says := func(pod string, done bool, text string) {
			t.Helper()
			if got := d.of(hits(pod)[0]); !got.known || got.injected != done || !strings.Contains(got.text, text) {
				t.Errorf("after %s, pod %s: %+v", time.Since(begin), pod, got)
			}
		}
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		says("a", true, "accepted")
		says("b", false, "needs 2 healthy pods and has 2")
		says("c", false, "still being evicted")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		says("b", true, "accepted")
		says("c", true, "accepted")
		// One at once, then five refusals a second apart, and one each.
		if asked := e.all(); len(asked) != 8 || asked[0] != "a uid-a" || asked[6] != "b uid-b" || asked[7] != "c uid-c" {
			t.Errorf("asked for %q", asked)
		}
	})
}

func TestADrainThatIsEndedEvictsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		e := &evictions{answer: func(string, bool) error { return byBudget() }}
		e.serve(client)
		d := startDrain(t.Context(), client, hits("a", "b"))
		time.Sleep(3500 * time.Millisecond)
		d.stop()
		d.stop() // as a removal that is tried again does
		n := len(e.all())
		time.Sleep(time.Minute)
		if n != 4 || len(e.all()) != n {
			t.Errorf("asked %d times before the end and %d in all", n, len(e.all()))
		}
		if got := d.of(hits("a")[0]); got.injected || !strings.Contains(got.text, "its disruption budget refuses") {
			t.Errorf("%+v", got)
		}
	})
}

func TestADrainSaysWhyAPodWasNotEvicted(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	for name, tc := range map[string]struct {
		err   error
		says  string
		goes  bool // on to the next pod
		known bool
	}{
		"it is gone":                         {apierrors.NewNotFound(pods, "a"), "was gone before", true, true},
		"another one has its name":           {apierrors.NewConflict(pods, "a", errors.New("the UID is another")), "was gone before", true, true},
		"a budget that names no cause":       {apierrors.NewTooManyRequests("busy", 1), "budget refuses the eviction: busy", false, true},
		"two budgets, which none may be":     {apierrors.NewInternalError(errors.New("more than one PodDisruptionBudget")), "was not accepted", false, true},
		"an API server that does not answer": {errors.New("connection refused"), "was not accepted", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := fake.NewClientset()
				e := &evictions{answer: func(pod string, _ bool) error {
					if pod == "a" {
						return tc.err
					}
					return nil
				}}
				e.serve(client)
				d := startDrain(t.Context(), client, hits("a", "b"))
				defer d.stop()
				time.Sleep(time.Second / 2)
				synctest.Wait()
				if got := d.of(hits("a")[0]); got.injected || got.known != tc.known || !strings.Contains(got.text, tc.says) {
					t.Errorf("%+v", got)
				}
				if got := d.of(hits("b")[0]); got.injected != tc.goes {
					t.Errorf("the next one: %+v", got)
				}
			})
		})
	}
}

func on(node string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.NodeName = node }
}

// allowed is the namespace of the workload, which faults may hit.
func allowed() *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "monitor", Annotations: map[string]string{injectAnnotation: "enabled"}}}
}

func TestADrainHitsAllThatItsSelectorMatchesOnTheNodesDrawn(t *testing.T) {
	pods := []runtime.Object{
		owned("a", "monitor-1", on("first")), owned("b", "monitor-1", on("first")), owned("c", "monitor-1", on("second")),
		owned("stranger", "", on("first")),
	}
	as[*corev1.Pod](pods[3]).Labels = nil // the selector does not match it
	target := platform(t, append(pods, allowed())...)
	seen := map[string]bool{}
	for range 30 { // whichever pod is drawn
		plan, err := target.Plan(t.Context(), "run", []fault.Fault{drainOf(t, "one")})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, hit := range plan.Faults[0].Targets {
			names = append(names, hit.Pod)
		}
		seen[strings.Join(names, " ")] = true
		if plan.Faults[0].Ready["deployment/monitor"] != 3 {
			t.Fatalf("ready %v", plan.Faults[0].Ready)
		}
		if r := plan.Radius(); r.Targets != len(names) {
			t.Errorf("%v with a radius of %+v", names, r)
		}
	}
	if !seen["a b"] || !seen["c"] || len(seen) != 2 {
		t.Errorf("it hit %v", seen)
	}
	plan, err := target.Plan(t.Context(), "run", []fault.Fault{drainOf(t, "all")})
	if err != nil || len(plan.Faults[0].Targets) != 3 {
		t.Errorf("%v, %v", plan, err)
	}
	if advice := strings.Join(target.Advice(t.Context(), plan), "\n"); !strings.Contains(advice, "on first, second, and no others; the node is not cordoned") {
		t.Errorf("it advises: %s", advice)
	}
}

func TestADrainIsRefusedBeforeAnythingIsEvicted(t *testing.T) {
	closed := allowed()
	closed.Annotations = nil
	for name, tc := range map[string]struct {
		objects []runtime.Object
		err     error
		says    string
	}{
		"the namespace does not allow faults": {[]runtime.Object{owned("a", "monitor-1", on("first")), closed}, fault.ErrNotInjectable, "lacks the annotation"},
		"the namespace cannot be read":        {[]runtime.Object{owned("a", "monitor-1", on("first"))}, fault.ErrNotInjectable, "namespace monitor"},
		"no pod has a node":                   {[]runtime.Object{owned("a", "monitor-1"), allowed()}, fault.ErrNoTarget, "runs on a node"},
		"nothing matches":                     {[]runtime.Object{allowed()}, fault.ErrNoTarget, "none of 0 pods"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := platform(t, tc.objects...).Plan(t.Context(), "run", []fault.Fault{drainOf(t, "one")})
			if !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestADrainIsTriedInADryRunAndShownByTheReplacement(t *testing.T) {
	target := platform(t, owned("a", "monitor-1", on("first")), allowed())
	client := as[*fake.Clientset](target.Kubernetes)
	plan, err := target.Plan(t.Context(), "run", []fault.Fault{drainOf(t, "one")})
	if err != nil {
		t.Fatal(err)
	}
	var forbidden error = apierrors.NewForbidden(schema.GroupResource{Resource: "pods/eviction"}, "a", errors.New("no"))
	e := &evictions{answer: func(string, bool) error { return forbidden }}
	e.serve(client)
	if err := target.Inject(t.Context(), plan); !errors.Is(err, fault.ErrNotInjectable) || len(e.all()) != 1 || !strings.HasSuffix(e.all()[0], "(dry run)") {
		t.Fatalf("%v, asked %q", err, e.all())
	}

	// A budget that refuses the dry run may allow the eviction later.
	e.answer = func(_ string, dry bool) error {
		if dry {
			return byBudget()
		}
		return nil
	}
	if err := target.Inject(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	defer target.endDrains()
	shown := func(want bool, says string) {
		t.Helper()
		var got fault.Effect
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			effects, err := target.Effects(t.Context(), plan)
			if err != nil || len(effects) != 1 {
				t.Fatalf("%v, %v", effects, err)
			}
			if got = effects[0]; got.Injected && got.Shown == want && strings.Contains(got.Observed, says) {
				return
			}
		}
		t.Fatalf("never came: %q; it is %+v", says, got)
	}
	shown(false, "is still there")
	if err := client.CoreV1().Pods("monitor").Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	shown(false, "no other was created in its place")
	next := owned("z", "monitor-1", on("first"))
	next.UID = types.UID("uid-z")
	if _, err := client.CoreV1().Pods("monitor").Create(t.Context(), next, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	shown(true, "took its place")
}

func TestADrainNeedsTheRightToEvictAndNoMore(t *testing.T) {
	client := fake.NewClientset()
	var asked []string
	var mu sync.Mutex
	client.PrependReactor("create", "selfsubjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		review := as[*authorizationv1.SelfSubjectAccessReview](as[clienttesting.CreateAction](a).GetObject())
		r := review.Spec.ResourceAttributes
		mu.Lock()
		asked = append(asked, r.Verb+" "+r.Group+"/"+r.Resource+"/"+r.Subresource)
		mu.Unlock()
		review.Status.Allowed = r.Subresource != "eviction"
		return true, review, nil
	})
	c := &Cluster{Connection: &Connection{Kubernetes: client}, cfg: Config{Namespace: "monitor"}}
	err := c.Rights(t.Context(), []fault.Fault{drainOf(t, "one")}, "system")
	if !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "create pods/eviction in namespace monitor") {
		t.Errorf("%v", err)
	}
	if !slices.Contains(asked, "create /pods/eviction") || slices.ContainsFunc(asked, func(s string) bool { return strings.Contains(s, chaosGroup) || strings.Contains(s, "nodes") }) {
		t.Errorf("it asks for %q", asked)
	}
}
