package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
)

const finalizer = "chaos-mesh/records"

func withFinalizer(o *unstructured.Unstructured) *unstructured.Unstructured {
	o.SetFinalizers([]string{finalizer})
	return o
}

func TestRemoveReturnsOnceTheFinalizersAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := withFinalizer(chaosObject("NetworkChaos", "monitor", "delay", "a"))
		c := newDynamic(t, o)
		holding(c)
		began := time.Now()
		go func() {
			time.Sleep(3 * time.Second)
			if err := c.Tracker().Delete(kindOf("NetworkChaos").Resource, "monitor", "delay"); err != nil {
				t.Error(err)
			}
		}()
		if err := Remove(t.Context(), c, []unstructured.Unstructured{*o}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %s, want 3s: not before it is gone, and at once then", took)
		}
		for _, a := range c.Actions() {
			if a.GetVerb() == "get" || a.GetVerb() == "delete" || a.GetVerb() == "watch" {
				continue
			}
			t.Errorf("it needed the right to %s", a.GetVerb())
		}
		if n := len(c.Actions()); n != 3 {
			t.Errorf("%d requests, want 3: it is to watch, not to poll", n)
		}
	})
}

func TestRemoveRemindsOfWhatDoesNotGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := withFinalizer(chaosObject("PodChaos", "monitor", "kill", "a"))
		c := newDynamic(t, o)
		holding(c)
		reminders := 0
		react(&c.Fake, "delete", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
			d := as[clienttesting.DeleteActionImpl](a)
			if *d.DeleteOptions.PropagationPolicy != metav1.DeletePropagationForeground {
				return false, nil, nil
			}
			if d.DeleteOptions.Preconditions == nil || *d.DeleteOptions.Preconditions.UID != o.GetUID() {
				t.Error("the UID was no precondition")
			}
			if reminders++; reminders == 1 {
				return true, nil, apierrors.NewInternalError(errors.New("etcd is away")) // it is asked again
			}
			return true, nil, c.Tracker().Delete(kindOf("PodChaos").Resource, "monitor", "kill")
		})
		began := time.Now()
		if err := Remove(t.Context(), c, []unstructured.Unstructured{*o}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 16*time.Second || reminders != 2 {
			t.Errorf("it took %s and %d reminders, want 16s and 2", took, reminders)
		}
	})
}

// A reminder that changed nothing would reach nobody.
func TestEachReminderChangesTheObject(t *testing.T) {
	o := withFinalizer(chaosObject("PodChaos", "monitor", "kill", "a"))
	for _, tt := range []struct {
		finalizers []string
		want       metav1.DeletionPropagation
	}{
		{[]string{finalizer}, metav1.DeletePropagationForeground},
		{[]string{finalizer, metav1.FinalizerDeleteDependents}, metav1.DeletePropagationBackground},
	} {
		o.SetFinalizers(tt.finalizers)
		c := newDynamic(t, o)
		kind := kindOf("PodChaos")
		if err := Remind(t.Context(), c.Resource(kind.Resource).Namespace("monitor"), o); err != nil {
			t.Fatal(err)
		}
		d := as[clienttesting.DeleteActionImpl](c.Actions()[0])
		if got := *d.DeleteOptions.PropagationPolicy; got != tt.want {
			t.Errorf("with the finalizers %v it is deleted in the %s, want %s", tt.finalizers, got, tt.want)
		}
	}
}

func TestRemoveOfWhatIsGoneIsNoError(t *testing.T) {
	if err := Remove(t.Context(), newDynamic(t), []unstructured.Unstructured{*chaosObject("PodChaos", "monitor", "kill", "a")}); err != nil {
		t.Error(err)
	}
}

func TestRemoveLeavesAnotherObjectOfTheSameNameAlone(t *testing.T) {
	now := chaosObject("PodChaos", "monitor", "kill", "b")
	now.SetUID("another")
	c := newDynamic(t, now)
	var asked bool
	react(&c.Fake, "delete", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		p := as[clienttesting.DeleteActionImpl](a).DeleteOptions.Preconditions
		asked = p != nil && *p.UID == "monitor-kill"
		return true, nil, apierrors.NewConflict(schema.GroupResource{}, "kill", errors.New("the UID in the precondition differs"))
	})
	if err := Remove(t.Context(), c, []unstructured.Unstructured{*chaosObject("PodChaos", "monitor", "kill", "a")}); err != nil {
		t.Error(err)
	}
	if !asked {
		t.Error("the UID was no precondition")
	}
}

func TestRemoveRefusesWhatIsNoFault(t *testing.T) {
	o := chaosObject("Schedule", "monitor", "nightly", "a")
	if err := Remove(t.Context(), newDynamic(t), []unstructured.Unstructured{*o}); err == nil {
		t.Error("a Schedule was removed")
	}
}

func TestRemoveGoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := chaosObject("PodChaos", "monitor", "kill", "a")
		c := newDynamic(t, o)
		failures := 2
		react(&c.Fake, "delete", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
			failures--
			return failures >= 0, nil, errors.New("connection refused")
		})
		if err := Remove(t.Context(), c, []unstructured.Unstructured{*o}); err != nil {
			t.Error(err)
		}
	})
}

func TestRemoveNamesWhatKeepsAnObject(t *testing.T) {
	failed := map[string]any{"type": "Failed", "operation": "Recover", "timestamp": "2026-03-04T05:06:07Z", "message": "no daemon on node n1"}
	record := func(id, phase string, events ...any) any {
		return map[string]any{"id": id, "selectorKey": ".", "phase": phase, "injectedCount": int64(1), "recoveredCount": int64(0), "events": events}
	}
	for name, tt := range map[string]struct {
		kind    string
		records []any
		deny    error
		want    []string
		not     []string
	}{
		"a recovery that fails": {
			kind:    "NetworkChaos",
			records: []any{record("monitor/monitor-0", "Injected", failed, failed), record("monitor/monitor-1", "Not Injected")},
			want: []string{
				"NetworkChaos monitor/x is still there", "finalizers " + finalizer,
				"recovery of monitor/monitor-0 failed 2 times, last at 2026-03-04T05:06:07Z: no daemon on node n1",
				"delete its targets first", "kubectl -n monitor delete pod monitor-0; only if that does not help",
				`kubectl -n monitor patch networkchaos.chaos-mesh.org x --type merge -p '{"metadata":{"finalizers":null}}', which undoes nothing: tc and iptables`,
			},
			not: []string{"monitor-1"},
		},
		"a container that waits for its recovery": {
			kind:    "StressChaos",
			records: []any{record("monitor/monitor-0/app", "Injected/Wait")},
			want:    []string{"delete pod monitor-0;", "look whether its controller runs"},
		},
		"no records, as the controller is down": {
			kind: "PodChaos", want: []string{"look whether its controller runs", "mend what keeps"}, not: []string{"delete pod"},
		},
		"a machine of a cloud": {
			kind: "AWSChaos", records: []any{record("region/i-123", "Injected", failed)}, want: []string{"recovery of region/i-123 failed 1 times"}, not: []string{"delete pod"},
		},
		"a removal that is refused": {
			kind: "PodChaos", deny: apierrors.NewForbidden(schema.GroupResource{}, "x", errors.New("no rights")),
			want: []string{"was not accepted", "no rights", "kubectl -n monitor delete podchaos.chaos-mesh.org x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := withFinalizer(chaosObject(tt.kind, "monitor", "x", "a"))
				if tt.records != nil {
					o.Object["status"] = map[string]any{"experiment": map[string]any{"desiredPhase": "Stop", "containerRecords": tt.records}}
				}
				gone := chaosObject("PodChaos", "monitor", "gone", "a")
				c := newDynamic(t, o, gone)
				holding(c)
				if tt.deny != nil {
					react(&c.Fake, "delete", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
						return as[clienttesting.DeleteAction](a).GetName() == "x", nil, tt.deny
					})
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := Remove(ctx, c, []unstructured.Unstructured{*o, *gone})
				var stuck *StuckError
				if !errors.As(err, &stuck) {
					t.Fatalf("error %v, want a StuckError", err)
				}
				for _, s := range tt.want {
					if !strings.Contains(err.Error(), s) {
						t.Errorf("it does not say %q:\n%s", s, err)
					}
				}
				for _, s := range append(tt.not, "gone is still") {
					if strings.Contains(err.Error(), s) {
						t.Errorf("it says %q:\n%s", s, err)
					}
				}
				if r := stuck.Residue(); r.Run != "a" || r.Kind != tt.kind || r.Name != "monitor/x" || !strings.Contains(r.Detail, tt.want[len(tt.want)-1]) {
					t.Errorf("residue %+v", r)
				}
			})
		})
	}
}
