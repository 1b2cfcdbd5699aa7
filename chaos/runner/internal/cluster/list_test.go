package cluster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// failList makes the lists of one resource fail, or of all with "*".
func failList(c *dynamicfake.FakeDynamicClient, resource string, err error) {
	react(&c.Fake, "list", resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })
}

func TestList(t *testing.T) {
	notInstalled := apierrors.NewNotFound(schema.GroupResource{}, "")
	forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "chaos-mesh.org", Resource: "podchaos"}, "", errors.New("no rights"))
	for name, tt := range map[string]struct {
		run     fault.RunID
		in      []string
		prepare func(*dynamicfake.FakeDynamicClient)
		want    []string
		err     error  // errors.Is
		says    string // part of the error
	}{
		"all runs have objects of several kinds and namespaces": {
			in: []string{"monitor", "shop"}, want: []string{"monitor/delay", "monitor/kill", "shop/kill"},
		},
		"one run has its own only":                  {run: "b", in: []string{"monitor", "shop"}, want: []string{"shop/kill"}},
		"a run without objects has none":            {run: "c", in: []string{"monitor"}},
		"other namespaces are not looked at":        {in: []string{"shop"}, want: []string{"shop/kill"}},
		"the empty name stands for every namespace": {in: []string{""}, want: []string{"monitor/delay", "monitor/kill", "shop/kill"}},
		"a kind that is not installed has no objects": {
			in:      []string{"monitor"},
			prepare: func(c *dynamicfake.FakeDynamicClient) { failList(c, "podchaos", notInstalled) },
			want:    []string{"monitor/delay"},
		},
		"without any kind Chaos Mesh is not installed": {
			in:      []string{"monitor"},
			prepare: func(c *dynamicfake.FakeDynamicClient) { failList(c, "*", notInstalled) },
			err:     fault.ErrUnreachable, says: "Chaos Mesh is not installed",
		},
		"a kind that may not be read is an error, and the rest is found": {
			in:      []string{"monitor"},
			prepare: func(c *dynamicfake.FakeDynamicClient) { failList(c, "podchaos", forbidden) },
			want:    []string{"monitor/delay"}, err: forbidden, says: "list podchaos in monitor",
		},
		"an API server that does not answer is unreachable": {
			in:      []string{"monitor"},
			prepare: func(c *dynamicfake.FakeDynamicClient) { failList(c, "*", errors.New("connection refused")) },
			err:     fault.ErrUnreachable, says: "connection refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newDynamic(t,
				chaosObject("PodChaos", "monitor", "kill", "a"),
				chaosObject("NetworkChaos", "monitor", "delay", "a"),
				chaosObject("PodChaos", "shop", "kill", "b"),
				chaosObject("PodChaos", "monitor", "by-hand", ""))
			if tt.prepare != nil {
				tt.prepare(c)
			}
			found, err := List(t.Context(), c, tt.in, tt.run)
			var got []string
			for _, o := range found {
				got = append(got, o.GetNamespace()+"/"+o.GetName())
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
			if !errors.Is(err, tt.err) || (err != nil && !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("error %v, want %v that says %q", err, tt.err, tt.says)
			}
		})
	}
}

// Before its first object a run may find those of any kind; after it, its own are of few.
func TestARunAsksForTheKindsThatItMayHaveCreated(t *testing.T) {
	kill, ok := KindNamed("PodChaos")
	if !ok {
		t.Fatal("PodChaos is not a known kind")
	}
	for name, tt := range map[string]struct {
		kinds []Kind
		home  string // of the fault; empty: it names none
		lists int
	}{
		"every kind before it creates any":       {nil, "", len(Kinds())},
		"its own after that":                     {[]Kind{kill}, "", 1},
		"its own, in the fault's namespace, too": {[]Kind{kill}, "shop", 2},
		"none when it only drains":               {[]Kind{}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newDynamic(t, chaosObject("PodChaos", "monitor", "kill", "a"))
			target := (&Cluster{Connection: &Connection{Dynamic: c}, cfg: Config{Namespace: "monitor"}}).Target("a", "x", nil)
			target.kinds = tt.kinds
			if tt.home != "" {
				target.homes[tt.home] = true
			}
			found, err := target.list(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			if got := len(c.Actions()); got != tt.lists || (len(found) == 1) != (tt.lists > 0) {
				t.Errorf("it asked %d times and found %d objects, want %d times", got, len(found), tt.lists)
			}
		})
	}
}

func TestWhatTheRunCreatedIsRemovedThoughItIsNotFound(t *testing.T) {
	object := chaosObject("PodChaos", "monitor", "kill", "") // somebody took its labels away
	c := newDynamic(t, object)
	cluster := &Cluster{Connection: &Connection{Dynamic: c}, cfg: Config{Namespace: "monitor"}, ctx: t.Context()}
	target := cluster.Target("a", "x", nil)
	target.kinds, target.created["kill"] = []Kind{kindOf("PodChaos")}, cluster.track(object)
	if err := target.Recover(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resource(kindOf("PodChaos").Resource).Namespace("monitor").Get(t.Context(), "kill", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the object is still there: %v", err)
	}
}
