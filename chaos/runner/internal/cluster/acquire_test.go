package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func TestARunIsRefusedWhatALiveOneHas(t *testing.T) {
	for name, tt := range map[string]struct {
		mine, theirs Needs
		shared       string
	}{
		"a pod":      {mine: Needs{Pods: []string{"m/a", "m/b"}}, theirs: Needs{Pods: []string{"m/b", "m/c"}}, shared: "pod m/b"},
		"a workload": {mine: Needs{Workloads: []string{"m/Deployment/x"}}, theirs: Needs{Workloads: []string{"m/Deployment/x"}}, shared: "workload m/Deployment/x"},
		"a series":   {mine: Needs{Series: []string{"availability"}}, theirs: Needs{Series: []string{"availability"}}, shared: "series availability"},
		"nothing":    {mine: Needs{Pods: []string{"m/a"}, Series: []string{"m/b"}}, theirs: Needs{Pods: []string{"m/b"}, Workloads: []string{"m/a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newLeases(t)
				first := acquired(t, c, Claim{Run: "run-z", Experiment: "theirs", Holder: "somebody@there", Needs: tt.theirs})
				// Created within the same second, the order of both is that of their names,
				// which says nothing against a lease that is granted.
				began := time.Now()
				second, err := Acquire(t.Context(), c, system, Claim{Run: "run-a", Experiment: "mine", Holder: "me@here", Needs: tt.mine}, quiet)
				if took := time.Since(began); took > renewEvery {
					t.Errorf("it took %s to know, want at most one renewal", took)
				}
				if tt.shared == "" {
					if err != nil {
						t.Fatal(err)
					}
					if err := second.Release(t.Context(), Summary{}); err != nil {
						t.Error(err)
					}
				} else {
					var busy *BusyError
					if !errors.Is(err, fault.ErrBusy) || !errors.As(err, &busy) || busy.Run != "run-z" {
						t.Fatalf("error %v, want a BusyError with run-z", err)
					}
					for _, s := range []string{"run-z", "theirs", "somebody@there", tt.shared} {
						if !strings.Contains(err.Error(), s) {
							t.Errorf("it does not say %q: %v", s, err)
						}
					}
					if _, there := leaseOf(t, c); there {
						t.Error("the loser's lease is still there")
					}
				}
				if err := first.Release(t.Context(), Summary{}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestARunGetsWhatNobodyHasAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLeases(t, deadLease("dead", Needs{Pods: []string{"m/a"}}))
		ended := acquired(t, c, claim("ended", "m/a", "m/b"))
		_ = ended // it waits for the dead one as well
		if err := ended.Release(t.Context(), Summary{Verdict: "pass"}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		l := acquired(t, c, claim("b", "m/a", "m/b"))
		if took := time.Since(began); took != LeaseDuration {
			t.Errorf("it took %s to know that the other is dead, want %s: its own times say nothing", took, LeaseDuration)
		}
		if err := l.Release(t.Context(), Summary{}); err != nil {
			t.Error(err)
		}
	})
}

func TestARunWaitsWhenWhatTheOtherNeedsCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		odd := deadLease("odd", Needs{})
		odd.Annotations[needsAnnotation] = "{pods"
		c := newLeases(t, odd)
		began := time.Now()
		l := acquired(t, c, claim("a", "m/a"))
		if took := time.Since(began); took != LeaseDuration {
			t.Errorf("it took %s, want %s", took, LeaseDuration)
		}
		if err := l.Release(t.Context(), Summary{}); err != nil {
			t.Error(err)
		}
	})
}

func TestTheNameOfARunIsNotUsedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLeases(t, deadLease("run-a", Needs{}))
		if _, err := Acquire(t.Context(), c, system, claim("a"), quiet); !errors.Is(err, fault.ErrBusy) {
			t.Errorf("error %v, want busy", err)
		}
		if _, there := leaseOf(t, c); !there {
			t.Error("the lease of the other run was deleted")
		}
	})
}

func TestAnInterruptEndsTheWaitAndLeavesNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLeases(t, deadLease("dead", Needs{Pods: []string{"m/a"}}))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := Acquire(ctx, c, system, claim("a", "m/a"), quiet); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if _, there := leaseOf(t, c); there {
			t.Error("the lease is still there")
		}
	})
}

// Many start within the same second and need the same, with requests that take
// their time: never are two let through, and in the end one is.
func TestOfThoseWhoAcquireAtOnceOneIsLetThrough(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newLeases(t)
				random, mu := rand.New(rand.NewPCG(seed, 1)), sync.Mutex{}
				pause := func(ctx context.Context) error {
					mu.Lock()
					d := time.Duration(random.IntN(300)) * time.Millisecond
					mu.Unlock()
					time.Sleep(d)
					return ctx.Err()
				}
				slow := &slowLeases{c, pause}
				won := make(chan *Lease, 4)
				var all sync.WaitGroup
				for i := range 4 {
					all.Go(func() {
						if err := pause(t.Context()); err != nil {
							t.Error(err)
						}
						l, err := Acquire(t.Context(), slow, system, claim(fmt.Sprint((i+int(seed))%4), "m/a"), quiet)
						if err == nil {
							won <- l
						} else if !errors.Is(err, fault.ErrBusy) {
							t.Errorf("error %v, want busy", err)
						}
					})
				}
				all.Wait()
				close(won)
				n := 0
				for l := range won {
					n++
					if err := l.Release(t.Context(), Summary{}); err != nil {
						t.Error(err)
					}
				}
				if n != 1 {
					t.Errorf("%d were let through, want 1", n)
				}
			})
		})
	}
}

func TestLiveListsRunsThatAreSeenToBeRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLeases(t, deadLease("dead", Needs{}))
		ended := acquired(t, c, claim("ended"))
		if err := ended.Release(t.Context(), Summary{}); err != nil {
			t.Fatal(err)
		}
		l := acquired(t, c, claim("a"))
		live, err := Live(t.Context(), c, system)
		if err != nil || len(live) != 1 || live[0].Run != "run-a" {
			t.Errorf("live %+v, %v; want run-a alone", live, err)
		}
		if err := l.Release(t.Context(), Summary{}); err != nil {
			t.Error(err)
		}
	})
}

// A connection that is dead without being closed brings no renewals either.
func TestARunIsNotTakenForDeadBecauseTheWatchIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLeases(t)
		first := acquired(t, c, claim("z", "m/a"))
		c.PrependWatchReactor("leases", silentWatch)
		if _, err := Acquire(t.Context(), c, system, claim("a", "m/a"), quiet); !errors.Is(err, fault.ErrBusy) {
			t.Errorf("error %v, want busy", err)
		}
		if err := first.Release(t.Context(), Summary{}); err != nil {
			t.Error(err)
		}
	})
}

func TestAnUnreachableAPIServerIsAnErrorAndNotAYes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLeases(t)
		react(&c.Fake, "list", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, errors.New("connection refused")
		})
		if _, err := Acquire(t.Context(), c, system, claim("a"), quiet); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("error %v", err)
		}
		if err := c.CoordinationV1().Leases(system).Delete(t.Context(), "run-a", metav1.DeleteOptions{}); err == nil {
			t.Error("the lease is still there")
		}
	})
}
