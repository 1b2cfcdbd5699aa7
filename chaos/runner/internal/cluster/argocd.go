package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// How Argo CD marks what it manages: with the annotation, application:group/kind:namespace/name,
// or with the label alone, which Helm puts on its own releases, too.
const (
	trackingAnnotation = "argocd.argoproj.io/tracking-id"
	trackingLabel      = "app.kubernetes.io/instance"
	// releaseAnnotation is only on what Helm itself has installed.
	releaseAnnotation = "meta.helm.sh/release-name"
)

// mark is what says that an application manages a workload.
type mark struct {
	application string
	// sure is true where nobody but Argo CD marks so.
	sure bool
}

// trackedBy is the mark of a workload; the zero value where there is none.
func (i *inventory) trackedBy(w workload) mark {
	var obj metav1.Object
	var err error
	switch w.kind {
	case "deployment":
		obj, err = i.deployments.Get(w.name)
	case "statefulset":
		obj, err = i.statefulSets.Get(w.name)
	case "daemonset":
		obj, err = i.daemonSets.Get(w.name)
	default:
		return mark{}
	}
	if err != nil {
		return mark{}
	}
	if name, _, ok := strings.Cut(obj.GetAnnotations()[trackingAnnotation], ":"); ok && name != "" {
		// NAMESPACE_NAME where the application is not in Argo CD's own namespace.
		return mark{application: name[strings.LastIndexByte(name, '_')+1:], sure: true}
	}
	if obj.GetAnnotations()[releaseAnnotation] != "" {
		return mark{}
	}
	return mark{application: obj.GetLabels()[trackingLabel]}
}

var applicationResource = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"} //nolint:gochecknoglobals // A constant.

// applications are those of Argo CD, where this user may read them.
type applications struct {
	read bool
	all  []unstructured.Unstructured
}

// applications reads those of every namespace. Most users may not, and most clusters have
// none: the advice is then about marks alone.
func (c *Cluster) applications(ctx context.Context) applications {
	if c.Dynamic == nil {
		return applications{}
	}
	list, err := c.Dynamic.Resource(applicationResource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return applications{}
	}
	return applications{read: true, all: list.Items}
}

// advice says whether Argo CD would interfere with a workload; empty when nothing says
// that it manages it.
func (a applications) advice(namespace string, w workload, m mark) string {
	if m.application == "" {
		return ""
	}
	if !a.read {
		if m.sure {
			return fmt.Sprintf("%s is deployed by the Argo CD application %s; whether that heals itself cannot be read: this user may not list applications.argoproj.io", w, m.application)
		}
		return fmt.Sprintf("%s has the label %s: %s, as what an Argo CD application of that name manages; whether there is one, and whether it heals itself, cannot be read: this user may not list applications.argoproj.io", w, trackingLabel, m.application)
	}
	at := slices.IndexFunc(a.all, func(u unstructured.Unstructured) bool {
		return u.GetName() == m.application && (m.sure || manages(u, namespace, w))
	})
	if at < 0 {
		if m.sure {
			return fmt.Sprintf("%s is marked as deployed by the Argo CD application %s, which does not exist", w, m.application)
		}
		return "" // the label is Helm's, or anybody's
	}
	by := fmt.Sprintf("%s is deployed by the Argo CD application %s", w, m.application)
	policy, automated, _ := unstructured.NestedMap(a.all[at].Object, "spec", "syncPolicy", "automated")
	if on, given, _ := unstructured.NestedBool(policy, "enabled"); given && !on {
		automated = false
	}
	heals, _, _ := unstructured.NestedBool(policy, "selfHeal")
	switch {
	case automated && heals:
		return by + ", and self-heal is on: it undoes at once what changes the workload, such as another number of replicas, and a push during the fault replaces the pods; what a fault does to pods it leaves alone"
	case automated:
		return by + ", and self-heal is off: it undoes nothing, but a push during the fault replaces the pods"
	}
	return by + ", which is synced by hand: it undoes nothing"
}

// manages says whether a workload is among the objects of an application.
func manages(u unstructured.Unstructured, namespace string, w workload) bool {
	objects, _, _ := unstructured.NestedSlice(u.Object, "status", "resources")
	return slices.ContainsFunc(objects, func(o any) bool {
		r, ok := o.(map[string]any)
		if !ok {
			return false
		}
		kind, _ := r["kind"].(string)
		return strings.EqualFold(kind, w.kind) && r["name"] == w.name && r["namespace"] == namespace
	})
}
