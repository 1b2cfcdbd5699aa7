package cluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Residue lists what runs have left in the namespaces that they may hit: their objects,
// what the daemons of Chaos Mesh are still to keep in place on a pod, and the images that
// a pod-failure has not put back. It asks the API server, not the watches: before the run
// injects anything for every kind of fault, and after that for those of its own.
func (t *Target) Residue(ctx context.Context) ([]fault.Residue, error) {
	if _, err := t.in(t.cfg.Namespace); err != nil {
		return nil, err
	}
	namespaces := t.namespaces()
	objects, err := t.list(ctx, "")
	if err != nil {
		return nil, err
	}
	if objects, err = t.abandoned(ctx, objects, t.run); err != nil {
		return nil, err
	}
	var out []fault.Residue
	runOf := map[string]fault.RunID{} // by kind/namespace/name
	for _, o := range objects {
		run := fault.RunID(o.GetLabels()[RunLabel])
		runOf[strings.ToLower(o.GetKind())+"/"+o.GetNamespace()+"/"+o.GetName()] = run
		out = append(out, fault.Residue{
			Run: run, Kind: o.GetKind(), Name: o.GetNamespace() + "/" + o.GetName(),
			Detail: "it is still there" + held(o.GetFinalizers()),
		})
	}
	for _, ns := range namespaces {
		kept, err := t.keptOnPods(ctx, ns, runOf)
		if err != nil {
			return nil, err
		}
		out = append(out, kept...)
	}
	return out, nil
}

func held(finalizers []string) string {
	if len(finalizers) == 0 {
		return ""
	}
	return ", held by " + strings.Join(finalizers, ", ")
}

// keptOnPods lists what is to be kept in place on the pods of a namespace, and the
// images that were not put back.
func (t *Target) keptOnPods(ctx context.Context, ns string, runOf map[string]fault.RunID) ([]fault.Residue, error) {
	var out []fault.Residue
	for _, kind := range []string{v1alpha1.KindPodNetworkChaos, v1alpha1.KindPodIOChaos, v1alpha1.KindPodHttpChaos} {
		found, err := t.Dynamic.Resource(kindOf(kind).Resource).Namespace(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("%w: list %s of namespace %s: %w", fault.ErrUnreachable, kind, ns, err)
		}
		for _, o := range found.Items {
			if r, ok := keptOn(&o, runOf); ok {
				out = append(out, r)
			}
		}
	}
	pods, err := t.Kubernetes.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: list pods of namespace %s: %w", fault.ErrUnreachable, ns, err)
	}
	for _, p := range pods.Items {
		for key := range p.Annotations {
			if strings.HasPrefix(key, "chaos-mesh-") && strings.HasSuffix(key, "-image") {
				out = append(out, fault.Residue{Kind: "image of pod", Name: ns + "/" + p.Name, Detail: "annotation " + key + " holds the image that a pod-failure has not put back"})
			}
		}
	}
	return out, nil
}

// keptOn says what an object of the kind that Chaos Mesh keeps for each pod asks for. An
// empty one asks for nothing.
func keptOn(o *unstructured.Unstructured, runOf map[string]fault.RunID) (fault.Residue, bool) {
	r := fault.Residue{Kind: o.GetKind(), Name: o.GetNamespace() + "/" + o.GetName()}
	if failed, _, _ := unstructured.NestedString(o.Object, "status", "failedMessage"); failed != "" {
		r.Detail = "it could not be undone on the pod: " + failed
		return r, true
	}
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	for field, value := range spec {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			continue
		}
		r.Detail = fmt.Sprintf("it still asks for %d %s", len(list), field)
		if first, ok := list[0].(map[string]any); ok {
			source, _ := first["source"].(string)
			for known, run := range runOf {
				if strings.HasSuffix(known, "/"+source) && source != "" {
					r.Run = run
				}
			}
			r.Detail += " of " + source
		}
		return r, true
	}
	return r, false
}
