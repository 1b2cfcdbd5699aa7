package cluster

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func killSwitch(name string, annotations map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: system, Annotations: annotations}}
}

func TestKillReason(t *testing.T) {
	for name, tt := range map[string]struct {
		objects []metav1.Object
		want    string
	}{
		"there is no ConfigMap":               {},
		"it has no annotation":                {objects: []metav1.Object{killSwitch(KillSwitchName, nil)}},
		"the annotation is empty":             {objects: []metav1.Object{killSwitch(KillSwitchName, map[string]string{KillAnnotation: " "})}},
		"the annotation is false":             {objects: []metav1.Object{killSwitch(KillSwitchName, map[string]string{KillAnnotation: "False"})}},
		"the annotation is a reason":          {objects: []metav1.Object{killSwitch(KillSwitchName, map[string]string{KillAnnotation: "incident 42"})}, want: "incident 42"},
		"whatever is unclear means to stop":   {objects: []metav1.Object{killSwitch(KillSwitchName, map[string]string{KillAnnotation: "0"})}, want: "0"},
		"another ConfigMap's annotation":      {objects: []metav1.Object{killSwitch("other", map[string]string{KillAnnotation: "x"})}},
		"another annotation of the ConfigMap": {objects: []metav1.Object{killSwitch(KillSwitchName, map[string]string{"kill": "x"})}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := KillReason(tt.objects); got != tt.want {
				t.Errorf("reason %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheKillSwitchIsReportedOnceItIsSet(t *testing.T) {
	for name, tt := range map[string]struct {
		before *corev1.ConfigMap // there when the watch begins
		happen func(*testing.T, *fake.Clientset)
		within time.Duration
	}{
		"set already": {before: killSwitch(KillSwitchName, map[string]string{KillAnnotation: "incident 42"})},
		"annotated":   {before: killSwitch(KillSwitchName, nil), happen: setKill},
		"created":     {happen: createKill},
		"annotated when the watch had expired": {
			before: killSwitch(KillSwitchName, nil), within: 5 * time.Second,
			happen: func(t *testing.T, c *fake.Clientset) {
				time.Sleep(watchControl + watchSlack) // the fake does not end watches
				setKill(t, c)
			},
		},
		"annotated while the API server was away": {
			before: killSwitch(KillSwitchName, nil), within: 5 * time.Second,
			happen: func(t *testing.T, c *fake.Clientset) {
				var away atomic.Bool
				away.Store(true)
				react(&c.Fake, "list", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
					return away.Load(), nil, errors.New("connection refused")
				})
				time.Sleep(time.Minute)
				setKill(t, c)
				away.Store(false)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := fake.NewClientset()
				if tt.before != nil {
					if err := c.Tracker().Add(tt.before); err != nil {
						t.Fatal(err)
					}
				}
				k := WatchKillSwitch(t.Context(), c, system)
				defer k.Stop()
				synctest.Wait()
				if tt.happen != nil {
					select {
					case err := <-k.Set():
						t.Fatalf("it is reported before it is set: %v", err)
					default:
					}
					tt.happen(t, c)
				}
				began := time.Now()
				err := <-k.Set()
				if took := time.Since(began); took > tt.within {
					t.Errorf("it took %s, want at most %s", took, tt.within)
				}
				if !errors.Is(err, fault.ErrKillSwitch) || !strings.Contains(err.Error(), "incident 42") ||
					!strings.Contains(err.Error(), "kubectl -n chaos-testing annotate configmap ballast-kill-switch ballast.dev/kill-") {
					t.Errorf("error %v", err)
				}
				if err := CheckKillSwitch(t.Context(), c, system); !errors.Is(err, fault.ErrKillSwitch) {
					t.Errorf("a run could start: %v", err)
				}
			})
		})
	}
}

// A role that is limited to one name allows a list or watch of this name only.
func TestTheKillSwitchIsAskedForByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fake.NewClientset()
		k := WatchKillSwitch(t.Context(), c, system)
		synctest.Wait()
		k.Stop()
		if err := CheckKillSwitch(t.Context(), c, system); err != nil {
			t.Error(err)
		}
		if len(c.Actions()) != 3 {
			t.Errorf("%d requests, want list, watch and list", len(c.Actions()))
		}
		for _, a := range c.Actions() {
			var got string
			switch a := a.(type) {
			case clienttesting.ListAction:
				got = a.GetListRestrictions().Fields.String()
			case clienttesting.WatchAction:
				got = a.GetWatchRestrictions().Fields.String()
			}
			if got != "metadata.name="+KillSwitchName {
				t.Errorf("%s by %q", a.GetVerb(), got)
			}
		}
	})
}

func TestAKillSwitchThatCannotBeReadIsNotClear(t *testing.T) {
	c := fake.NewClientset()
	react(&c.Fake, "list", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("forbidden")
	})
	if err := CheckKillSwitch(t.Context(), c, system); err == nil || errors.Is(err, fault.ErrKillSwitch) {
		t.Errorf("error %v, want one that it could not be read", err)
	}
}

func createKill(t *testing.T, c *fake.Clientset) {
	_, err := c.CoreV1().ConfigMaps(system).Create(t.Context(), killSwitch(KillSwitchName, map[string]string{KillAnnotation: "incident 42"}), metav1.CreateOptions{})
	if err != nil {
		t.Error(err)
	}
}

func setKill(t *testing.T, c *fake.Clientset) {
	_, err := c.CoreV1().ConfigMaps(system).Update(t.Context(), killSwitch(KillSwitchName, map[string]string{KillAnnotation: "incident 42"}), metav1.UpdateOptions{})
	if err != nil {
		t.Error(err)
	}
}
