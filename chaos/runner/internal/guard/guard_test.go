package guard

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
)

// settled is how much later than it could a guard may do something.
const settled = 2 * time.Second

func TestTheFaultsOfARunGo(t *testing.T) {
	for name, tt := range map[string]struct {
		happens func(*world)
		within  time.Duration // of what happened
		after   time.Duration // and not before
	}{
		"when its lease is not renewed for its duration": {
			happens: func(w *world) { w.renewing("a", time.Minute) },
			after:   cluster.LeaseDuration, within: cluster.LeaseDuration + settled,
		},
		"when its lease is deleted": {
			happens: func(w *world) {
				w.renewing("a", time.Minute)
				w.must(w.kube.Tracker().Delete(leases, system, "a"))
			},
			within: settled,
		},
		"when it ended and left them": {
			happens: func(w *world) {
				l := leaseObject("a", "x-a", time.Now())
				l.Spec.HolderIdentity = nil
				w.must(w.kube.Tracker().Update(leases, l, system))
			},
			within: settled,
		},
		"when the kill switch is set": {
			happens: func(w *world) {
				w.renewing("a", time.Minute)
				w.kill("incident")
			},
			within: settled,
		},
		"when they have never had a lease": {
			happens: func(w *world) { w.inject("orphan") },
			after:   orphanAfter, within: orphanAfter + settled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.inject("by-hand")
				w.lease("a")
				w.inject("a")
				time.Sleep(time.Second)
				tt.happens(w)
				run := "a"
				if w.injected("orphan") {
					run = "orphan"
				}
				if took := w.goes(run); took < tt.after || took > tt.within {
					t.Errorf("they went after %s, want %s to %s", took, tt.after, tt.within)
				}
				if !w.injected("by-hand") {
					t.Error("a fault that is not of a run went, too")
				}
				time.Sleep(tick)
				removed := 1
				if run == "orphan" {
					removed = 2 // that of run a, too
				}
				w.metric(fmt.Sprint("ballast_guard_removed_objects_total ", removed))
				w.metric(`ballast_guard_errors_total 0`)
				w.stop()
				for _, a := range append(w.dyn.Actions(), w.kube.Actions()...) {
					if !slices.Contains([]string{"get", "list", "watch", "delete"}, a.GetVerb()) {
						t.Errorf("the guard needs the right to %s %s", a.GetVerb(), a.GetResource().Resource)
					}
				}
			})
		})
	}
}

func TestTheFaultsOfALiveRunStay(t *testing.T) {
	silent := func(clienttesting.Action) (bool, watch.Interface, error) { return true, watch.NewFake(), nil }
	for name, prepare := range map[string]func(*world){
		"while its lease is renewed": nil,
		// What the watch last showed is older than a lease lasts.
		"though the watch of the leases is silent": func(w *world) { w.kube.PrependWatchReactor("leases", silent) },
		// It was never seen at all.
		"though the leases cannot be listed": func(w *world) {
			react(&w.kube.Fake, "list", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, errors.New("connection refused")
			})
		},
		"though the kill switch is false": func(w *world) { w.kill("false") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, prepare)
				w.lease("a")
				w.inject("a")
				w.renewing("a", 5*time.Minute)
				if !w.injected("a") || !w.leased("a") {
					t.Error("the guard took a live run for dead")
				}
			})
		})
	}
}

func TestAGuardThatStartsLaterEndsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) {
			w.lease("dead")
			w.inject("dead")
			w.inject("orphan")
			w.lease("live")
			w.inject("live")
		})
		w.renewing("live", time.Minute)
		if w.injected("dead") || w.injected("orphan") || w.leased("dead") {
			t.Error("something of a dead run is still there")
		}
		if !w.injected("live") {
			t.Error("the fault of a live run went")
		}
		w.stop()
	})
}

func TestTheGuardKeepsTrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 4
		w := newWorld(t, func(w *world) {
			react(&w.dyn.Fake, "delete", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
				failures--
				return failures >= 0, nil, errors.New("connection refused")
			})
		})
		w.inject("a")
		time.Sleep(time.Second)
		w.kill("incident")
		if took := w.goes("a"); took < 4*tick || took > 4*tick+settled {
			t.Errorf("it took %s over four failures, want a try every second", took)
		}
		w.metric(`ballast_guard_errors_total 4`)
		w.stop()
	})
}

func TestAFaultThatDoesNotGoIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.inject("a", "chaos-mesh/records")
		w.kill("incident")
		time.Sleep(stuckAfter + settled)
		if n := w.logged("finalizers chaos-mesh/records"); n != 1 {
			t.Errorf("it was reported %d times, want once with what it waits for", n)
		}
		time.Sleep(10 * time.Minute)
		if n := w.logged("a fault does not go"); n != 1 {
			t.Errorf("it was reported %d times", n)
		}
		w.metric(`ballast_guard_runs{state="dead"} 1`)
		w.metric(`ballast_guard_removed_objects_total 0`)
		deletes := map[metav1.DeletionPropagation]int{}
		for _, a := range w.dyn.Actions() {
			if d, ok := a.(clienttesting.DeleteActionImpl); ok {
				deletes[*d.DeleteOptions.PropagationPolicy]++
			}
		}
		reminders := int((stuckAfter + settled + 10*time.Minute) / remindAfter)
		if deletes[metav1.DeletePropagationBackground] != 1 || deletes[metav1.DeletePropagationForeground] != reminders {
			t.Errorf("%v: want one deletion of an object whose deletion was accepted, and %d reminders", deletes, reminders)
		}
		if n := w.logged(string(WhyForgot)); n != 1 {
			t.Errorf("it was said %d times that it is reminded", n)
		}
		w.must(w.dyn.Tracker().Delete(podChaos, "monitor", "kill-a"))
		time.Sleep(tick)
		w.metric(`ballast_guard_removed_objects_total 1`)
		w.metric(`ballast_guard_runs{state="dead"} 0`)
		w.stop()
	})
}

func TestAFaultThatChaosMeshForgotGoesWhenItIsReminded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		// Its controller acts on a change of the object alone.
		react(&w.dyn.Fake, "delete", podChaos.Resource, func(a clienttesting.Action) (bool, runtime.Object, error) {
			d := as[clienttesting.DeleteActionImpl](a)
			if *d.DeleteOptions.PropagationPolicy != metav1.DeletePropagationForeground {
				return false, nil, nil
			}
			return true, nil, w.dyn.Tracker().Delete(podChaos, d.GetNamespace(), d.GetName())
		})
		w.inject("a", "chaos-mesh/records")
		w.kill("incident")
		time.Sleep(remindAfter + settled)
		if w.injected("a") || w.logged(string(WhyForgot)) != 1 {
			t.Error("it is still there")
		}
		time.Sleep(tick)
		w.metric(`ballast_guard_removed_objects_total 1`)
		w.stop()
	})
}

func TestOneDeletionThatHangsDoesNotKeepTheOthersWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) { w.slow = map[string]time.Duration{"kill-hangs": time.Hour} })
		runs := []string{"a", "b", "c", "d", "e", "f"}
		w.inject("hangs")
		for _, run := range runs {
			w.inject(run)
		}
		time.Sleep(time.Second)
		w.kill("incident")
		for _, run := range runs {
			if took := w.goes(run); took > 5*time.Second {
				t.Errorf("run %s was ended after %s", run, took)
			}
		}
		w.stop()
	})
}

func TestTheGuardSaysWhenItIsBlind(t *testing.T) {
	for name, breaks := range map[string]func(*world, clienttesting.ReactionFunc){
		"for leases":          func(w *world, r clienttesting.ReactionFunc) { react(&w.kube.Fake, "list", "leases", r) },
		"for the kill switch": func(w *world, r clienttesting.ReactionFunc) { react(&w.kube.Fake, "list", "configmaps", r) },
		"for a kind":          func(w *world, r clienttesting.ReactionFunc) { react(&w.dyn.Fake, "list", "iochaos", r) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var away atomic.Bool
				away.Store(true)
				w := newWorld(t, func(w *world) {
					breaks(w, func(clienttesting.Action) (bool, runtime.Object, error) {
						return away.Load(), nil, errors.New("the server is on fire")
					})
				})
				time.Sleep(brokenAfter)
				if code, body := w.get("/healthz"); code != 200 {
					t.Errorf("at 30s: %d %s", code, body)
				}
				time.Sleep(time.Second)
				if code, body := w.get("/healthz"); code != 503 || !strings.Contains(body, "the server is on fire") {
					t.Errorf("at 31s: %d %s, want 503 with the reason", code, body)
				}
				away.Store(false)
				time.Sleep(5 * time.Second)
				if code, body := w.get("/healthz"); code != 200 || body != "ok\n" {
					t.Errorf("when it works again: %d %s", code, body)
				}
			})
		})
	}
}

func TestTheGuardNoticesAConnectionThatIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		time.Sleep(time.Second)
		fails := func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("i/o timeout") }
		react(&w.kube.Fake, "list", "leases", fails) // its open watch says nothing any more
		time.Sleep(40 * time.Second)
		if code, _ := w.get("/healthz"); code != 503 {
			t.Errorf("after 40s: %d", code)
		}
		w.stop()
	})
}

func TestAClusterWithoutChaosMeshIsNoFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) {
			react(&w.dyn.Fake, "list", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, notInstalled()
			})
		})
		time.Sleep(5 * time.Minute)
		if code, body := w.get("/healthz"); code != 200 {
			t.Errorf("%d %s", code, body)
		}
		w.stop()
	})
}

func TestOneEndedLeaseIsKeptForEachExperiment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) {
			for i, run := range []string{"c", "a", "b"} {
				l := leaseObject(run, "x", time.Now().Add(time.Duration(i)*time.Minute))
				l.Spec.HolderIdentity = nil
				w.must(w.kube.Tracker().Add(l))
			}
		})
		time.Sleep(time.Second)
		if w.leased("c") || w.leased("a") || !w.leased("b") {
			t.Errorf("leases c %t, a %t, b %t; want b, the newest, alone", w.leased("c"), w.leased("a"), w.leased("b"))
		}
		w.stop()
	})
}

func TestWhatWasBegunIsDoneWhenTheGuardEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) { w.slow = map[string]time.Duration{"kill-a": time.Second} })
		w.inject("a")
		time.Sleep(time.Second)
		w.kill("incident")
		time.Sleep(100 * time.Millisecond) // the deletion is on its way
		w.stop()
		if w.injected("a") {
			t.Error("the deletion was not waited for")
		}
	})
}
