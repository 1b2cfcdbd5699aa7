package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// evictRetry is how long a drain waits before it asks again for what a disruption budget
// has refused.
const evictRetry = time.Second

// drain evicts the pods of one NodeDrain, one after another. However it ends, it leaves
// nothing to undo on the cluster.
type drain struct {
	api    kubernetes.Interface
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu      sync.Mutex
	entries map[string]entry // by the UID of the pod
}

// startDrain begins to evict these pods. stop ends it.
func startDrain(ctx context.Context, api kubernetes.Interface, hits []fault.Target) *drain {
	ctx, cancel := context.WithCancel(ctx)
	d := &drain{api: api, cancel: cancel, entries: map[string]entry{}}
	for _, hit := range hits {
		d.note(hit, false, "the pods before it are still being evicted")
	}
	d.ended.Go(func() {
		for _, hit := range hits {
			if !d.until(ctx, hit) {
				return
			}
		}
	})
	return d
}

// stop ends the drain and waits for it: no pod is evicted after that.
func (d *drain) stop() {
	d.cancel()
	d.ended.Wait()
}

// of is what became of one pod.
func (d *drain) of(hit fault.Target) entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.entries[hit.UID]
}

func (d *drain) note(hit fault.Target, done bool, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries[hit.UID] = entry{known: true, injected: done, text: text}
}

// until asks for the eviction of a pod until it is accepted or cannot be, and is false
// when ctx has ended.
func (d *drain) until(ctx context.Context, hit fault.Target) bool {
	for {
		err := evict(ctx, d.api, hit)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			d.note(hit, true, "the API server has accepted its eviction")
			return true
		case apierrors.IsNotFound(err), apierrors.IsConflict(err):
			d.note(hit, false, fmt.Sprintf("pod %s with UID %s was gone before it was evicted", hit.Pod, hit.UID))
			return true
		}
		d.note(hit, false, refusal(err))
		select {
		case <-ctx.Done():
			return false
		case <-time.After(evictRetry):
		}
	}
}

// refusal is why an eviction was not accepted. The cause of a budget's refusal says which
// budget it is and what it asks for.
func refusal(err error) string {
	if !apierrors.IsTooManyRequests(err) {
		return fmt.Sprintf("its eviction was not accepted: %v", err)
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, c := range status.Status().Details.Causes {
			if c.Type == policyv1.DisruptionBudgetCause {
				return "its disruption budget refuses the eviction: " + c.Message
			}
		}
	}
	return fmt.Sprintf("its disruption budget refuses the eviction: %v", err)
}

// evict asks once for the eviction of exactly this pod, not of another one of its name.
func evict(ctx context.Context, api kubernetes.Interface, hit fault.Target, dryRun ...string) error {
	uid := types.UID(hit.UID)
	return api.PolicyV1().Evictions(hit.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: hit.Namespace, Name: hit.Pod},
		DeleteOptions: &metav1.DeleteOptions{DryRun: dryRun, Preconditions: &metav1.Preconditions{UID: &uid}},
	})
}

// tryDrain asks for every eviction of a fault in a dry run. A budget that refuses one now
// may allow it when another pod is ready again.
func (t *Target) tryDrain(ctx context.Context, f fault.Planned) error {
	var errs []error
	for _, hit := range f.Targets {
		err := evict(ctx, t.Kubernetes, hit, metav1.DryRunAll)
		if err != nil && !apierrors.IsTooManyRequests(err) {
			errs = append(errs, refused(ctx, fmt.Errorf("evict pod %s: %w", hit.Pod, err)))
		}
	}
	return errors.Join(errs...)
}

// wholeNodes is every pod that the selector of a drain matches on the nodes of the pods
// that were drawn. A pod that has no node yet is not drained from one.
func (t *Target) wholeNodes(ctx context.Context, f fault.Fault, drawn []fault.Target, ready map[string]int) ([]fault.Target, error) {
	every := f.Selector
	every.Mode, every.Value = "all", ""
	all, err := t.draw(ctx, f, every, ready)
	if err != nil {
		return nil, err
	}
	nodes := map[string]bool{}
	for _, hit := range drawn {
		if node := t.nodeOf(hit); node != "" {
			nodes[node] = true
		}
	}
	out := slices.DeleteFunc(all, func(hit fault.Target) bool { return !nodes[t.nodeOf(hit)] })
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: none of the pods that were drawn runs on a node", fault.ErrNoTarget)
	}
	return out, t.open(ctx, out)
}

func (t *Target) nodeOf(hit fault.Target) string {
	i, err := t.in(hit.Namespace)
	if err != nil {
		return ""
	}
	pod, err := i.pods.Get(hit.Pod)
	if err != nil || string(pod.UID) != hit.UID {
		return ""
	}
	return pod.Spec.NodeName
}

// open refuses a namespace that does not allow faults. Chaos Mesh is not asked about an
// eviction, so that nobody else would.
func (t *Target) open(ctx context.Context, hits []fault.Target) error {
	for _, ns := range namespacesOf(fault.Plan{Faults: []fault.Planned{{Targets: hits}}}) {
		got, err := t.Kubernetes.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
		switch {
		case err != nil:
			return refused(ctx, fmt.Errorf("namespace %s: %w", ns, err))
		case got.Annotations[injectAnnotation] != "enabled":
			return fmt.Errorf("%w: namespace %s lacks the annotation %s: enabled; ballast evicts pods only in namespaces that have it", fault.ErrNotInjectable, ns, injectAnnotation)
		}
	}
	return nil
}

// drainedNodes names the nodes of a drain's targets, for the advice.
func (t *Target) drainedNodes(f fault.Planned) string {
	var nodes []string
	for _, hit := range f.Targets {
		if node := t.nodeOf(hit); !slices.Contains(nodes, node) {
			nodes = append(nodes, node)
		}
	}
	slices.Sort(nodes)
	return strings.Join(nodes, ", ")
}
