package fault

import (
	"errors"
	"slices"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
)

// PeerSelector is the selector of the far end of the traffic that a NetworkChaos
// shapes; false when the fault has none.
func PeerSelector(f Fault) (Selector, bool) {
	for _, s := range selectorsOf(f.Object) {
		if !s.primary {
			return Selector{PodSelector: *s.pods.DeepCopy()}, true
		}
	}
	return Selector{}, false
}

// SelectsPods says whether the fault's targets are pods or containers. Machines of a
// cloud are not.
func SelectsPods(f Fault) bool { return len(selectorsOf(f.Object)) > 0 }

// Pinned returns a copy of the fault's object that chooses exactly the pods given, in
// place of its selectors: whoever injects it draws nothing again. Container names and
// all else stay. It is an error when a selector would be left without a pod: an empty
// one means every pod of a namespace.
func Pinned(f Fault, hit, peers []Target) (v1alpha1.InnerObject, error) {
	obj, ok := f.Object.DeepCopyObject().(v1alpha1.InnerObject)
	if !ok {
		return nil, errors.New("the fault's object is not one of Chaos Mesh")
	}
	for _, s := range selectorsOf(obj) {
		chosen := peers
		if s.primary {
			chosen = hit
		}
		if len(chosen) == 0 {
			return nil, ErrNoTarget
		}
		s.pods.Selector = v1alpha1.PodSelectorSpec{Pods: map[string][]string{}}
		for _, t := range chosen {
			names := s.pods.Selector.Pods[t.Namespace]
			if !slices.Contains(names, t.Pod) { // several containers of one pod
				s.pods.Selector.Pods[t.Namespace] = append(names, t.Pod)
			}
			// The webhook would fill in the object's own otherwise.
			if all := s.pods.Selector.Namespaces; !slices.Contains(all, t.Namespace) {
				s.pods.Selector.Namespaces = append(all, t.Namespace)
			}
		}
		s.pods.Mode, s.pods.Value = v1alpha1.AllMode, ""
	}
	return obj, nil
}

// RemoteCluster is the other cluster that the fault is for; empty when it is for the one
// that its object is created on.
func RemoteCluster(f Fault) string {
	if v := specField(f.Object, "RemoteCluster"); v.IsValid() {
		return v.String()
	}
	return ""
}
