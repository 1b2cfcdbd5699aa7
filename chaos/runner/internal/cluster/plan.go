package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Plan draws the targets of every fault and injects nothing. What it draws is what is
// hit: the objects that Inject creates name these pods. The error wraps
// fault.ErrNotInjectable, ErrNoTarget or ErrUnreachable.
func (t *Target) Plan(ctx context.Context, run fault.RunID, fs []fault.Fault) (fault.Plan, error) {
	plan := fault.Plan{Run: run}
	var errs []error
	for _, f := range fs {
		planned, err := t.plan(ctx, f)
		if ctx.Err() != nil {
			return fault.Plan{}, ctx.Err()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.ID(), err))
			continue
		}
		plan.Faults = append(plan.Faults, planned)
	}
	if err := errors.Join(errs...); err != nil {
		return fault.Plan{}, err
	}
	return plan, nil
}

func (t *Target) plan(ctx context.Context, f fault.Fault) (fault.Planned, error) {
	if err := possible(t.capabilities, f); err != nil {
		return fault.Planned{}, err
	}
	if remote := fault.RemoteCluster(f); remote != "" {
		return fault.Planned{}, fmt.Errorf("%w: spec.remoteCluster names another cluster, %s; run ballast on that one, with --context", fault.ErrNotInjectable, remote)
	}
	if !fault.SelectsPods(f) {
		return fault.Planned{}, fmt.Errorf("%w: %s selects machines, not pods: it keeps its selector, %s, and as nothing here can confirm what it does to them, a run of it ends inconclusive", fault.ErrNotInjectable, f.Kind, kept(f))
	}
	// The object may be elsewhere than its targets, and has to be found there again.
	if f.Namespace != "" {
		t.mu.Lock()
		t.homes[f.Namespace] = true
		t.mu.Unlock()
	}
	out := fault.Planned{Fault: f, Ready: map[string]int{}, Emulated: standIn(t.capabilities, f)}
	ready := out.Ready
	if fault.Own(f) {
		ready = nil // they are counted with the rest of the node
	}
	var err error
	if out.Targets, err = t.draw(ctx, f, f.Selector, ready); err != nil {
		return fault.Planned{}, err
	}
	if fault.Own(f) {
		if out.Targets, err = t.wholeNodes(ctx, f, out.Targets, out.Ready); err != nil {
			return fault.Planned{}, err
		}
	}
	if peers, ok := fault.PeerSelector(f); ok {
		if out.Peers, err = t.draw(ctx, f, peers, nil); err != nil {
			return fault.Planned{}, fmt.Errorf("the far end of the traffic, spec.target: %w", err)
		}
	}
	return out, t.measurable(ctx, out)
}

// kept is the selector of a fault without pods, as its author wrote it.
func kept(f fault.Fault) string {
	if o, ok := f.Object.(v1alpha1.InnerObjectWithSelector); ok {
		if text, err := json.Marshal(o.GetSelectorSpecs()["."]); err == nil {
			return string(text)
		}
	}
	return "which cannot be read"
}

// draw chooses the targets of one selector. Into ready, where it is given, go the ready
// pods of each workload that is hit.
func (t *Target) draw(ctx context.Context, f fault.Fault, sel fault.Selector, ready map[string]int) ([]fault.Target, error) {
	namespace := f.Namespace
	if namespace == "" {
		namespace = t.cfg.Namespace
	}
	var pods []fault.Pod
	for _, ns := range searched(sel, namespace) {
		found, err := t.podsIn(ctx, ns, sel)
		if err != nil {
			return nil, err
		}
		pods = append(pods, found...)
	}
	t.Cluster.mu.Lock() // rng is not safe for concurrent use
	targets, err := fault.Select(pods, sel, namespace, t.rng)
	t.Cluster.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if ready == nil {
		return targets, nil
	}
	for _, p := range pods {
		if p.Ready && slices.ContainsFunc(targets, func(hit fault.Target) bool { return hit.Namespace == p.Namespace && hit.Workload == p.Workload }) {
			ready[p.Workload]++
		}
	}
	return targets, nil
}

// searched are the namespaces in which a selector looks.
func searched(sel fault.Selector, namespace string) []string {
	switch {
	case len(sel.Selector.Pods) > 0:
		return slices.Sorted(maps.Keys(sel.Selector.Pods))
	case len(sel.Selector.Namespaces) > 0:
		return sel.Selector.Namespaces
	}
	return []string{namespace}
}

// podsIn are the pods of a namespace that can be hit: those that are not leaving.
func (t *Target) podsIn(ctx context.Context, namespace string, sel fault.Selector) ([]fault.Pod, error) {
	i, err := t.in(namespace)
	if err != nil {
		return nil, err
	}
	pods, err := i.list()
	if err != nil {
		return nil, err
	}
	nodes, err := t.nodeLabels(ctx, sel)
	if err != nil {
		return nil, err
	}
	var out []fault.Pod
	for _, p := range pods {
		if p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded {
			described := i.describe(p, nodes[p.Spec.NodeName])
			described.BackOff = backsOff(p, time.Now())
			out = append(out, described)
		}
	}
	return out, nil
}

// nodeLabels are the labels of every node, where a selector asks for them.
func (t *Target) nodeLabels(ctx context.Context, sel fault.Selector) (map[string]map[string]string, error) {
	if len(sel.Selector.NodeSelectors) == 0 {
		return nil, nil //nolint:nilnil // nothing is asked for
	}
	all, err := t.Kubernetes.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: nodes, for nodeSelectors: %w", fault.ErrUnreachable, err)
	}
	out := map[string]map[string]string{}
	for _, n := range all.Items {
		out[n.Name] = n.Labels
	}
	return out, nil
}

func parseWorkload(text string) workload {
	kind, name, _ := strings.Cut(text, "/")
	return workload{kind, name}
}

// injectAnnotation of a namespace allows faults in it, where Chaos Mesh is set up to ask.
const injectAnnotation = "chaos-mesh.org/inject"

// Advice is what a person should know before a plan is carried out: what makes a target
// more fragile than it looks, and what would interfere.
func (t *Target) Advice(ctx context.Context, p fault.Plan) []string {
	var out []string
	said := map[string]bool{}
	add := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !said[text] {
			said[text] = true
			out = append(out, text)
		}
	}
	for _, ns := range namespacesOf(p) {
		got, err := t.Kubernetes.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
		switch {
		case err != nil:
			add("namespace %s cannot be read: %v", ns, err)
		case got.DeletionTimestamp != nil:
			add("namespace %s is being deleted", ns)
		case got.Annotations[injectAnnotation] != "enabled":
			add("namespace %s lacks the annotation %s: enabled; Chaos Mesh hits nothing there if it is set up to ask for it", ns, injectAnnotation)
		}
	}
	apps := t.applications(ctx)
	for _, f := range p.Faults {
		if fault.Own(f.Fault) {
			add("%s evicts the pods that its selector matches on %s, and no others; the node is not cordoned, and they may come back to it", f.Fault.ID(), t.drainedNodes(f))
		}
		if _, peers := fault.PeerSelector(f.Fault); peers {
			add("%s leaves its sets of addresses (ipset) in the network of each pod until the pod ends, as Chaos Mesh never deletes one; nothing leads to them any more", f.Fault.ID())
		}
		hits := map[string]int{}
		for _, hit := range f.Targets {
			hits[hit.Workload]++
		}
		for _, hit := range f.Targets {
			i, err := t.in(hit.Namespace)
			if err != nil {
				add("%v", err)
				continue
			}
			if pod, err := i.pods.Get(hit.Pod); err == nil {
				i.advise(pod, f, hits, apps, add)
			}
		}
	}
	return out
}

// advise looks at one pod that is hit.
func (i *inventory) advise(pod *corev1.Pod, f fault.Planned, hits map[string]int, apps applications, add func(string, ...any)) {
	w := i.workloadOf(pod)
	wanted, ok := i.wanted(w)
	if ok && wanted == 1 {
		add("%s has one replica: whatever hits it is an outage", w)
	}
	if w.kind == "pod" {
		add("pod %s has no owner: nothing brings it back when it is killed", pod.Name)
	}
	for _, c := range pod.Spec.Containers {
		if c.ReadinessProbe == nil {
			add("container %s of %s has no readiness probe: it gets traffic while it cannot answer", c.Name, w)
		}
	}
	switch b := i.budget(pod); {
	case b == nil:
		add("%s has no disruption budget: a drain may take all of its pods at once", w)
	case fault.Own(f.Fault) && b.Status.DisruptionsAllowed == 0:
		add("the disruption budget %s of %s allows no pod to be away now: %s waits for it, and is not injected if it goes on so", b.Name, w, f.Fault.ID())
	case fault.Own(f.Fault): // it asks the budget
	case int(b.Status.DisruptionsAllowed) < hits[w.String()]:
		add("the disruption budget %s of %s allows %d pods to be away, and %s hits %d; Chaos Mesh does not ask it", b.Name, w, b.Status.DisruptionsAllowed, f.Fault.ID(), hits[w.String()])
	}
	if h := i.autoscaler(w); h != nil {
		add("the autoscaler %s may change the number of pods of %s while the fault lasts", h.Name, w)
	}
	if said := apps.advice(i.namespace, w, i.trackedBy(w)); said != "" {
		add("%s", said)
	}
}
