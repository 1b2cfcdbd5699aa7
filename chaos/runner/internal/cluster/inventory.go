package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	appslisters "k8s.io/client-go/listers/apps/v1"
	autoscalinglisters "k8s.io/client-go/listers/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	policylisters "k8s.io/client-go/listers/policy/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// inventory is what one namespace holds, kept up to date by watches: nothing is polled.
type inventory struct {
	namespace string
	factory   informers.SharedInformerFactory

	pods         corelisters.PodNamespaceLister
	replicaSets  appslisters.ReplicaSetNamespaceLister
	deployments  appslisters.DeploymentNamespaceLister
	statefulSets appslisters.StatefulSetNamespaceLister
	daemonSets   appslisters.DaemonSetNamespaceLister
	autoscalers  autoscalinglisters.HorizontalPodAutoscalerNamespaceLister
	budgets      policylisters.PodDisruptionBudgetNamespaceLister
}

// syncTimeout is how long the first answers of the API server may take.
const syncTimeout = 20 * time.Second

// newInventory starts the watches of a namespace and blocks until each has its first
// answer, syncTimeout at most. They end with ctx; stop waits for them.
func newInventory(ctx context.Context, api kubernetes.Interface, namespace string) (*inventory, error) {
	f := informers.NewSharedInformerFactoryWithOptions(api, 0, informers.WithNamespace(namespace), informers.WithTransform(slim))
	i := &inventory{
		namespace:    namespace,
		factory:      f,
		pods:         f.Core().V1().Pods().Lister().Pods(namespace),
		replicaSets:  f.Apps().V1().ReplicaSets().Lister().ReplicaSets(namespace),
		deployments:  f.Apps().V1().Deployments().Lister().Deployments(namespace),
		statefulSets: f.Apps().V1().StatefulSets().Lister().StatefulSets(namespace),
		daemonSets:   f.Apps().V1().DaemonSets().Lister().DaemonSets(namespace),
		autoscalers:  f.Autoscaling().V2().HorizontalPodAutoscalers().Lister().HorizontalPodAutoscalers(namespace),
		budgets:      f.Policy().V1().PodDisruptionBudgets().Lister().PodDisruptionBudgets(namespace),
	}
	f.Start(ctx.Done())
	waiting, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	for what, ok := range f.WaitForCacheSync(waiting.Done()) {
		if !ok {
			return i, fmt.Errorf("%w: the API server did not list %s of namespace %s within %s", fault.ErrUnreachable, what, namespace, syncTimeout)
		}
	}
	return i, nil
}

// stop waits for the watches, which end with the context of newInventory.
func (i *inventory) stop() { i.factory.Shutdown() }

// slim drops what nothing here reads and what makes up most of an object.
func slim(obj any) (any, error) {
	switch o := obj.(type) {
	case metav1.Object:
		o.SetManagedFields(nil)
		return o, nil
	case cache.DeletedFinalStateUnknown:
		return o, nil
	}
	return obj, nil
}

// list is every pod of the namespace.
func (i *inventory) list() ([]*corev1.Pod, error) {
	pods, err := i.pods.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("pods of namespace %s: %w", i.namespace, err)
	}
	return pods, nil
}

// describe is what selection needs to know of a pod. nodeLabels are those of its node,
// nil where no selector asks for them.
func (i *inventory) describe(p *corev1.Pod, nodeLabels map[string]string) fault.Pod {
	out := fault.Pod{
		Namespace: p.Namespace, Name: p.Name, UID: string(p.UID), Workload: i.workloadOf(p).String(),
		Labels: p.Labels, Annotations: p.Annotations, Node: p.Spec.NodeName, NodeLabels: nodeLabels,
		NominatedNode: p.Status.NominatedNodeName, IP: p.Status.PodIP, ServiceAccount: p.Spec.ServiceAccountName,
		Scheduler: p.Spec.SchedulerName, RestartPolicy: string(p.Spec.RestartPolicy), Phase: string(p.Status.Phase),
		Ready: serves(p),
	}
	for _, c := range p.Spec.Containers {
		out.Containers = append(out.Containers, c.Name)
	}
	return out
}

// serves says whether a pod gets traffic from its Services.
func serves(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// waits says why the kubelet does not start a container of a pod, such as a back-off that
// doubles with each restart. It is empty when no container waits.
func waits(p *corev1.Pod) string {
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		w := c.State.Waiting
		if w == nil || w.Reason == "" {
			continue
		}
		why := fmt.Sprintf("%s waits: %s", p.Name, w.Reason)
		// "back-off 40s restarting failed container=monitor pod=…"
		if delay, _, backsOff := strings.Cut(w.Message, " restarting"); backsOff {
			why += ", " + delay
		}
		return why
	}
	return ""
}

// workload is what keeps a number of pods.
type workload struct {
	kind string // in lower case: deployment, statefulset, …; pod for one without an owner
	name string
}

func (w workload) String() string { return w.kind + "/" + w.name }

// workloadOf is the topmost owner of a pod that is known: the deployment of its replica
// set, not that.
func (i *inventory) workloadOf(p *corev1.Pod) workload {
	owner := metav1.GetControllerOf(p)
	if owner == nil {
		return workload{"pod", p.Name}
	}
	if owner.Kind == "ReplicaSet" {
		if set, err := i.replicaSets.Get(owner.Name); err == nil {
			if above := metav1.GetControllerOf(set); above != nil {
				owner = above
			}
		}
	}
	return workload{strings.ToLower(owner.Kind), owner.Name}
}

// wanted is how many pods a workload asks for now. A kind that is not known here asks
// for those that its replica sets want; false when nothing says.
func (i *inventory) wanted(w workload) (n int, ok bool) {
	atLeast := func(replicas *int32) (int, bool) {
		if replicas == nil {
			return 1, true // the API server's default
		}
		return int(*replicas), true
	}
	switch w.kind {
	case "deployment":
		if d, err := i.deployments.Get(w.name); err == nil {
			return atLeast(d.Spec.Replicas)
		}
	case "statefulset":
		if s, err := i.statefulSets.Get(w.name); err == nil {
			return atLeast(s.Spec.Replicas)
		}
	case "daemonset":
		if d, err := i.daemonSets.Get(w.name); err == nil {
			return int(d.Status.DesiredNumberScheduled), true
		}
	case "replicaset":
		if s, err := i.replicaSets.Get(w.name); err == nil {
			return atLeast(s.Spec.Replicas)
		}
	case "pod":
		return 1, true
	default:
		sets, err := i.replicaSets.List(labels.Everything())
		if err != nil {
			return 0, false
		}
		for _, s := range sets {
			if above := metav1.GetControllerOf(s); above != nil && strings.EqualFold(above.Kind, w.kind) && above.Name == w.name {
				more, _ := atLeast(s.Spec.Replicas)
				n, ok = n+more, true
			}
		}
		return n, ok
	}
	return 0, false
}

// autoscaler is the one that changes how many pods a workload asks for, nil when there
// is none.
func (i *inventory) autoscaler(w workload) *autoscalingv2.HorizontalPodAutoscaler {
	all, err := i.autoscalers.List(labels.Everything())
	if err != nil {
		return nil
	}
	at := slices.IndexFunc(all, func(h *autoscalingv2.HorizontalPodAutoscaler) bool {
		return strings.EqualFold(h.Spec.ScaleTargetRef.Kind, w.kind) && h.Spec.ScaleTargetRef.Name == w.name
	})
	if at < 0 {
		return nil
	}
	return all[at]
}

// budget is the disruption budget that covers a pod, nil when there is none.
func (i *inventory) budget(p *corev1.Pod) *policyv1.PodDisruptionBudget {
	all, err := i.budgets.List(labels.Everything())
	if err != nil {
		return nil
	}
	at := slices.IndexFunc(all, func(b *policyv1.PodDisruptionBudget) bool {
		s, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		return err == nil && s.Matches(labels.Set(p.Labels))
	})
	if at < 0 {
		return nil
	}
	return all[at]
}
