package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	clienttesting "k8s.io/client-go/testing"

	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const system = "chaos-testing"

var quiet = slog.New(slog.DiscardHandler)

// newDynamic is an API server with Chaos Mesh's kinds and these objects.
func newDynamic(t *testing.T, objects ...*unstructured.Unstructured) *dynamicfake.FakeDynamicClient {
	t.Helper()
	lists := map[schema.GroupVersionResource]string{}
	for _, k := range Kinds() {
		lists[k.Resource] = k.Name + "List"
	}
	c := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists)
	for _, o := range objects {
		k, ok := KindNamed(o.GetKind())
		if !ok {
			t.Fatalf("unknown kind %s", o.GetKind())
		}
		if err := c.Tracker().Create(k.Resource, o, o.GetNamespace()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// holding makes the fake respect finalizers, as an API server does: a deletion only
// marks the object.
func holding(c *dynamicfake.FakeDynamicClient) {
	react(&c.Fake, "delete", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		d, ok := a.(clienttesting.DeleteActionImpl)
		if !ok {
			return false, nil, nil
		}
		o, err := c.Tracker().Get(d.GetResource(), d.GetNamespace(), d.GetName())
		if err != nil {
			return true, nil, err
		}
		u := as[*unstructured.Unstructured](o).DeepCopy()
		if len(u.GetFinalizers()) == 0 {
			return false, nil, nil
		}
		now := metav1.Now()
		u.SetDeletionTimestamp(&now)
		return true, nil, c.Tracker().Update(d.GetResource(), u, d.GetNamespace())
	})
}

func chaosObject(kind, namespace, name, run string) *unstructured.Unstructured {
	k := kindOf(kind)
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(k.Resource.GroupVersion().String())
	u.SetKind(kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	u.SetUID(types.UID(namespace + "-" + name))
	if run != "" {
		u.SetLabels(map[string]string{RunLabel: run, ManagedByLabel: ManagedBy})
	}
	return u
}

// newLeases is an API server that gives objects a UID and a time of creation, which
// the fake leaves to others.
func newLeases(t *testing.T, leases ...*coordinationv1.Lease) *fake.Clientset {
	t.Helper()
	c := fake.NewClientset()
	n := 0
	react(&c.Fake, "create", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
		o := as[clienttesting.CreateAction](a).GetObject().DeepCopyObject()
		m, err := meta.Accessor(o)
		if err != nil {
			return true, nil, err
		}
		n++
		m.SetUID(types.UID(fmt.Sprintf("uid-%d", n)))
		m.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
		if err := c.Tracker().Create(a.GetResource(), o, a.GetNamespace()); err != nil {
			return true, nil, err
		}
		return true, o, nil
	})
	for _, l := range leases {
		if err := c.Tracker().Add(l); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// deadLease is one that nobody renews.
func deadLease(run string, needs Needs) *coordinationv1.Lease {
	n, err := text(needs)
	if err != nil {
		panic(err)
	}
	holder := "somebody@elsewhere"
	at := metav1.NewMicroTime(time.Now().Add(time.Hour)) // a clock that is ahead
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name: run, Namespace: system, UID: types.UID("uid-of-" + run), CreationTimestamp: metav1.NewTime(time.Now().Add(-time.Minute)),
			Labels:      map[string]string{RunLabel: run, ExperimentLabel: "of-" + run, ManagedByLabel: ManagedBy},
			Annotations: map[string]string{needsAnnotation: n},
		},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &at},
	}
}

func claim(run string, pods ...string) Claim {
	return Claim{Run: fault.RunID("run-" + run), Experiment: "exp-" + run, Holder: "me@here", Needs: Needs{Pods: pods}}
}

// leaseOf is the Lease of run a.
func leaseOf(t *testing.T, c *fake.Clientset) (*coordinationv1.Lease, bool) {
	t.Helper()
	l, err := c.CoordinationV1().Leases(system).Get(t.Context(), "run-a", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return l, true
}

// silentWatch is a watch that never says anything.
func silentWatch(clienttesting.Action) (bool, watch.Interface, error) {
	return true, watch.NewFake(), nil
}

// slowLeases is an API server whose answers about Leases take their time, the
// request on its way there and the answer on its way back.
type slowLeases struct {
	kubernetes.Interface
	pause func(context.Context) error
}

func (s *slowLeases) CoordinationV1() coordination.CoordinationV1Interface {
	return slowGroup{s.Interface.CoordinationV1(), s.pause}
}

type slowGroup struct {
	coordination.CoordinationV1Interface
	pause func(context.Context) error
}

func (s slowGroup) Leases(namespace string) coordination.LeaseInterface {
	return slowClient{s.CoordinationV1Interface.Leases(namespace), s.pause}
}

type slowClient struct {
	coordination.LeaseInterface
	pause func(context.Context) error
}

func (s slowClient) Create(ctx context.Context, l *coordinationv1.Lease, o metav1.CreateOptions) (*coordinationv1.Lease, error) {
	if err := s.pause(ctx); err != nil {
		return nil, err
	}
	out, err := s.LeaseInterface.Create(ctx, l, o)
	return out, errors.Join(err, s.pause(ctx))
}

func (s slowClient) Update(ctx context.Context, l *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	if err := s.pause(ctx); err != nil {
		return nil, err
	}
	out, err := s.LeaseInterface.Update(ctx, l, o)
	return out, errors.Join(err, s.pause(ctx))
}

func (s slowClient) List(ctx context.Context, o metav1.ListOptions) (*coordinationv1.LeaseList, error) {
	if err := s.pause(ctx); err != nil {
		return nil, err
	}
	out, err := s.LeaseInterface.List(ctx, o)
	return out, errors.Join(err, s.pause(ctx))
}

// as is a type assertion of a test that knows what its fake was given.
func as[T any](v any) T {
	out, ok := v.(T)
	if !ok {
		panic(fmt.Sprintf("%T", v))
	}
	return out
}

// react lets a fake answer otherwise. The fake itself does not lock while it is in use.
func react(c *clienttesting.Fake, verb, resource string, f clienttesting.ReactionFunc) {
	c.Lock()
	defer c.Unlock()
	c.PrependReactor(verb, resource, f)
}
