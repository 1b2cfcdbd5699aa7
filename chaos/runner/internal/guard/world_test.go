package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const system = "chaos-testing"

// world is an API server with a guard.
type world struct {
	*testing.T
	kube  *fake.Clientset
	dyn   *dynamicfake.FakeDynamicClient
	guard *Guard
	stop  func() // ends the guard and waits for it
	// slow is how long the deletion of an object takes, by name.
	slow map[string]time.Duration

	mu  sync.Mutex
	log bytes.Buffer
}

// Write takes the guard's log.
func (w *world) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *world) logged(s string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.log.String(), s)
}

// newWorld starts a guard after prepare.
func newWorld(t *testing.T, prepare func(*world)) *world {
	t.Helper()
	lists := map[schema.GroupVersionResource]string{}
	for _, k := range cluster.Kinds() {
		lists[k.Resource] = k.Name + "List"
	}
	w := &world{T: t, kube: fake.NewClientset(), dyn: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists)}
	react(&w.kube.Fake, "create", "leases", w.identity)
	react(&w.kube.Fake, "delete", "leases", w.preconditions)
	react(&w.dyn.Fake, "delete", "*", w.finalizers)
	if prepare != nil {
		prepare(w)
	}
	w.guard = New(Config{
		Kubernetes: w.kube, Dynamic: slowDynamic{w.dyn, w}, System: system, Namespaces: []string{"monitor"},
		Logger: slog.New(slog.NewJSONHandler(w, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.guard.Run(ctx)
	}()
	w.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(w.stop)
	return w
}

// identity is given to each object by an API server, and not by the fake.
func (w *world) identity(a clienttesting.Action) (bool, runtime.Object, error) {
	l := as[*coordinationv1.Lease](as[clienttesting.CreateAction](a).GetObject()).DeepCopy()
	l.UID, l.CreationTimestamp = types.UID("lease-"+l.Name), metav1.Now()
	return true, l, w.kube.Tracker().Create(a.GetResource(), l, a.GetNamespace())
}

// preconditions are what the fake leaves to an API server.
func (w *world) preconditions(a clienttesting.Action) (bool, runtime.Object, error) {
	d := as[clienttesting.DeleteActionImpl](a)
	o, err := w.kube.Tracker().Get(d.GetResource(), d.GetNamespace(), d.GetName())
	if err != nil {
		return true, nil, err
	}
	l, pre := as[*coordinationv1.Lease](o), d.DeleteOptions.Preconditions
	if pre == nil || (pre.UID != nil && *pre.UID != l.UID) || (pre.ResourceVersion != nil && *pre.ResourceVersion != l.ResourceVersion) {
		return true, nil, apierrors.NewConflict(schema.GroupResource{}, d.GetName(), errors.New("precondition"))
	}
	return false, nil, nil
}

func (w *world) finalizers(a clienttesting.Action) (bool, runtime.Object, error) {
	d := as[clienttesting.DeleteActionImpl](a)
	o, err := w.dyn.Tracker().Get(d.GetResource(), d.GetNamespace(), d.GetName())
	if err != nil {
		return true, nil, err
	}
	u := as[*unstructured.Unstructured](o).DeepCopy()
	if len(u.GetFinalizers()) == 0 {
		return false, nil, nil
	}
	now := metav1.Now()
	u.SetDeletionTimestamp(&now)
	return true, nil, w.dyn.Tracker().Update(d.GetResource(), u, d.GetNamespace())
}

var (
	podChaos = schema.GroupVersionResource{Group: "chaos-mesh.org", Version: "v1alpha1", Resource: "podchaos"}
	leases   = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
)

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// inject creates a fault of a run.
func (w *world) inject(run string, finalizers ...string) {
	w.Helper()
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("chaos-mesh.org/v1alpha1")
	u.SetKind("PodChaos")
	u.SetNamespace("monitor")
	u.SetName("kill-" + run)
	u.SetUID(types.UID("object-" + run))
	u.SetFinalizers(finalizers)
	if run != "by-hand" {
		u.SetLabels(map[string]string{cluster.RunLabel: run})
	}
	w.must(w.dyn.Tracker().Create(podChaos, u, "monitor"))
}

func (w *world) injected(run string) bool {
	w.Helper()
	_, err := w.dyn.Tracker().Get(podChaos, "monitor", "kill-"+run)
	if err != nil && !apierrors.IsNotFound(err) {
		w.Fatal(err)
	}
	return err == nil
}

// lease creates the Lease of a run of an experiment of the same name.
func (w *world) lease(run string) {
	w.Helper()
	w.must(w.kube.Tracker().Create(leases, leaseObject(run, "x-"+run, time.Now()), system))
}

func leaseObject(run, experiment string, created time.Time) *coordinationv1.Lease {
	holder, at := "me@here", metav1.NewMicroTime(created)
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name: run, Namespace: system, UID: types.UID("lease-" + run), ResourceVersion: "1", CreationTimestamp: metav1.NewTime(created),
			Labels: map[string]string{cluster.RunLabel: run, cluster.ExperimentLabel: experiment, cluster.ManagedByLabel: cluster.ManagedBy},
		},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &at},
	}
}

func (w *world) leased(run string) bool {
	w.Helper()
	_, err := w.kube.Tracker().Get(leases, system, run)
	if err != nil && !apierrors.IsNotFound(err) {
		w.Fatal(err)
	}
	return err == nil
}

func (w *world) renew(run string) {
	w.Helper()
	o, err := w.kube.Tracker().Get(leases, system, run)
	w.must(err)
	l := as[*coordinationv1.Lease](o).DeepCopy()
	now := metav1.NowMicro()
	l.Spec.RenewTime, l.ResourceVersion = &now, fmt.Sprint(now.UnixMicro())
	w.must(w.kube.Tracker().Update(leases, l, system))
}

// renewing renews every 5 s for so long, beginning with a wait.
func (w *world) renewing(run string, lasts time.Duration) {
	w.Helper()
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		time.Sleep(5 * time.Second)
		w.renew(run)
	}
}

func (w *world) kill(reason string) {
	w.Helper()
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: cluster.KillSwitchName, Namespace: system, Annotations: map[string]string{cluster.KillAnnotation: reason},
	}}
	w.must(w.kube.Tracker().Create(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, m, system))
}

// goes waits until the run's fault is gone and returns how long that took.
func (w *world) goes(run string) time.Duration {
	w.Helper()
	began := time.Now()
	for w.injected(run) {
		if time.Since(began) > 5*time.Minute {
			w.Fatalf("the fault of run %s stays", run)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(began)
}

func (w *world) get(path string) (int, string) {
	w.Helper()
	rec := httptest.NewRecorder()
	w.guard.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(w.Context(), http.MethodGet, path, nil))
	return rec.Code, rec.Body.String()
}

func (w *world) metric(line string) {
	w.Helper()
	if _, body := w.get("/metrics"); !strings.Contains("\n"+body, "\n"+line+"\n") {
		w.Errorf("line %q is missing in:\n%s", line, body)
	}
}

func notInstalled() error { return apierrors.NewNotFound(schema.GroupResource{}, "") }

// slowDynamic takes its time to delete. A reactor of the fake cannot: it would keep
// all other requests waiting.
type slowDynamic struct {
	dynamic.Interface
	w *world
}

func (s slowDynamic) Resource(r schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return slowKind{s.Interface.Resource(r), s.w}
}

type slowKind struct {
	dynamic.NamespaceableResourceInterface
	w *world
}

func (s slowKind) Namespace(n string) dynamic.ResourceInterface {
	return slowObjects{s.NamespaceableResourceInterface.Namespace(n), s.w}
}

type slowObjects struct {
	dynamic.ResourceInterface
	w *world
}

func (s slowObjects) Delete(ctx context.Context, name string, o metav1.DeleteOptions, sub ...string) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.w.slow[name]):
		return s.ResourceInterface.Delete(ctx, name, o, sub...)
	}
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
