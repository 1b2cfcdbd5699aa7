package cluster

import (
	"slices"
	"strings"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The labels that everything of a run carries. An object belongs to a run when it
// has [RunLabel], whatever the others say.
const (
	RunLabel        = "ballast.dev/run"
	ExperimentLabel = "ballast.dev/experiment"
	ManagedByLabel  = "app.kubernetes.io/managed-by"
	ManagedBy       = "ballast"
)

// Kind is one kind of Chaos Mesh's API.
type Kind struct {
	Name     string // PodChaos
	Resource schema.GroupVersionResource
}

// Kinds lists the kinds that a run can bound, by name: those that the pinned API
// registers as faults. Each of their objects is one fault that ends by its
// duration, or happens once. Faults of machines outside of the cluster are not done here:
// nothing in it could show them.
func Kinds() []Kind {
	var out []Kind
	for name := range v1alpha1.AllKinds() {
		if name != v1alpha1.KindPhysicalMachineChaos {
			out = append(out, kindOf(name))
		}
	}
	slices.SortFunc(out, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// KindNamed is the kind of this name, when it is one of [Kinds].
func KindNamed(name string) (Kind, bool) {
	k := kindOf(name)
	return k, slices.Contains(Kinds(), k)
}

// PodKinds are what Chaos Mesh's controllers write for each pod that they change.
// They are not faults of their own; what is in their spec after a run was left
// behind.
func PodKinds() []Kind {
	return []Kind{kindOf(v1alpha1.KindPodHttpChaos), kindOf(v1alpha1.KindPodIOChaos), kindOf(v1alpha1.KindPodNetworkChaos)}
}

// kindOf relies on the plural of every fault being its name in lower case, which
// is what the definitions of Chaos Mesh say.
func kindOf(name string) Kind {
	return Kind{Name: name, Resource: v1alpha1.SchemeGroupVersion.WithResource(strings.ToLower(name))}
}
