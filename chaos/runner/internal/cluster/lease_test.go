package cluster

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func acquired(t *testing.T, c *fake.Clientset, of Claim) *Lease {
	t.Helper()
	l, err := Acquire(t.Context(), c, system, of, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestALeaseSaysWhatItsRunNeedsAndIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLeases(t)
		l := acquired(t, c, Claim{Run: "run-a", Experiment: "pod-kill", Holder: "me@here", Needs: Needs{
			Pods: []string{"monitor/m-0"}, Workloads: []string{"monitor/Deployment/m"}, Series: []string{"availability"},
		}})
		o, _ := leaseOf(t, c)
		if d := cmp.Diff(map[string]string{needsAnnotation: `{"pods":["monitor/m-0"],"workloads":["monitor/Deployment/m"],"series":["availability"]}`}, o.Annotations); d != "" {
			t.Errorf("annotations (-want +got):\n%s", d)
		}
		if d := cmp.Diff(map[string]string{RunLabel: "run-a", ExperimentLabel: "pod-kill", ManagedByLabel: ManagedBy}, o.Labels); d != "" {
			t.Errorf("labels (-want +got):\n%s", d)
		}
		if *o.Spec.HolderIdentity != "me@here" || *o.Spec.LeaseDurationSeconds != 15 {
			t.Errorf("spec %+v", o.Spec)
		}
		before := o.Spec.RenewTime.Time
		time.Sleep(time.Minute)
		synctest.Wait()
		o, _ = leaseOf(t, c)
		if got := o.Spec.RenewTime.Sub(before); got != time.Minute {
			t.Errorf("it was renewed over %s, want every 5s for a minute", got)
		}
		select {
		case err := <-l.Lost():
			t.Errorf("it was lost: %v", err)
		default:
		}
		if err := l.Release(t.Context(), Summary{}); err != nil {
			t.Error(err)
		}
	})
}

func TestAReleasedLeaseHoldsTheSummaryAndIsRenewedNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLeases(t)
		l := acquired(t, c, claim("a"))
		want := Summary{Experiment: "exp-a", Verdict: "fail", Reason: "slo-broken", Spent: map[string]float64{"availability": 0.002}, Started: time.Now().UTC(), Ended: time.Now().UTC()}
		with := want
		with.Spent = map[string]float64{"availability": 0.002, "latency": math.NaN()}
		for range 2 { // it may be asked twice
			if err := l.Release(t.Context(), with); err != nil {
				t.Fatal(err)
			}
		}
		renewals := len(c.Actions())
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(c.Actions()) - renewals; n != 0 {
			t.Errorf("%d requests after the release", n)
		}
		o, _ := leaseOf(t, c)
		got, ok := ReadLease(o)
		if !ok || !got.Ended || got.Holder != "" || got.Unreadable != "" {
			t.Errorf("lease %+v", got)
		}
		if d := cmp.Diff(&want, got.Summary); d != "" {
			t.Errorf("summary (-want +got):\n%s", d)
		}
	})
}

func TestALeaseIsLost(t *testing.T) {
	for name, tt := range map[string]struct {
		happens func(*fake.Clientset)
		after   time.Duration // from the last renewal
		says    string
	}{
		"when somebody deletes it, at the next renewal": {
			happens: func(c *fake.Clientset) {
				if err := c.Tracker().Delete(schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}, system, "run-a"); err != nil {
					panic(err)
				}
			},
			after: renewEvery, says: "somebody deleted it",
		},
		"when another one has taken its name": {
			happens: func(c *fake.Clientset) {
				conflicts(c, math.MaxInt)
				react(&c.Fake, "get", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
					return true, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "run-a", UID: "another"}}, nil
				})
			},
			after: renewEvery, says: "somebody deleted it",
		},
		"when every renewal fails for its whole duration": {
			happens: func(c *fake.Clientset) { failing(c, math.MaxInt) },
			after:   LeaseDuration, says: "could not be renewed for 15s: connection refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newLeases(t)
				l := acquired(t, c, claim("a"))
				time.Sleep(renewEvery)
				synctest.Wait()
				last := time.Now()
				tt.happens(c)
				err := <-l.Lost()
				if took := time.Since(last); took != tt.after {
					t.Errorf("it was known after %s, want %s", took, tt.after)
				}
				if !errors.Is(err, ErrLeaseLost) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v, want ErrLeaseLost that says %q", err, tt.says)
				}
				if err := l.Release(t.Context(), Summary{}); err == nil && tt.says == "somebody deleted it" {
					t.Error("a summary was written to a lease that is gone")
				}
			})
		})
	}
}

func TestALeaseIsLostWhenTheAPIServerNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		l, err := Acquire(t.Context(), &slowLeases{newLeases(t), func(ctx context.Context) error {
			if hangs.Load() {
				<-ctx.Done()
			}
			return ctx.Err()
		}}, system, claim("a"), quiet)
		if err != nil {
			t.Fatal(err)
		}
		last := time.Now()
		hangs.Store(true)
		if err := <-l.Lost(); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(last); took != LeaseDuration {
			t.Errorf("it was known after %s, want %s: the guard removes the faults then", took, LeaseDuration)
		}
	})
}

func TestALeaseSurvives(t *testing.T) {
	for name, happens := range map[string]func(*fake.Clientset){
		"failures that end within its duration": func(c *fake.Clientset) { failing(c, 8) },
		"a write of somebody else":              func(c *fake.Clientset) { conflicts(c, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newLeases(t)
				l := acquired(t, c, claim("a"))
				happens(c)
				time.Sleep(time.Minute)
				synctest.Wait()
				select {
				case err := <-l.Lost():
					t.Errorf("it was lost: %v", err)
				default:
				}
				if err := l.Release(t.Context(), Summary{}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestALeaseOutlivesTheInterruptOfItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLeases(t)
		ctx, interrupt := context.WithCancel(t.Context())
		l, err := Acquire(ctx, c, system, claim("a"), quiet)
		if err != nil {
			t.Fatal(err)
		}
		before, _ := leaseOf(t, c)
		interrupt()
		time.Sleep(renewEvery)
		synctest.Wait()
		if after, _ := leaseOf(t, c); !after.Spec.RenewTime.After(before.Spec.RenewTime.Time) {
			t.Error("it was not renewed while the run cleans up")
		}
		if err := l.Release(t.Context(), Summary{}); err != nil {
			t.Error(err)
		}
	})
}

// failing lets so many updates fail.
func failing(c *fake.Clientset, n int) { updatesFail(c, n, errors.New("connection refused")) }

func conflicts(c *fake.Clientset, n int) {
	updatesFail(c, n, apierrors.NewConflict(schema.GroupResource{}, "run-a", errors.New("modified")))
}

func updatesFail(c *fake.Clientset, n int, err error) {
	react(&c.Fake, "update", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		n--
		return n >= 0, nil, err
	})
}
