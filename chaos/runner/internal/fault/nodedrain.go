package fault

import (
	"context"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/ballast-sre/ballast/internal/document"
)

// The faults that the runner does itself, as Chaos Mesh has none of their kind.
const (
	// OwnVersion is their apiVersion, which is also that of an experiment.
	OwnVersion    = "ballast.dev/v1alpha1"
	KindNodeDrain = "NodeDrain"
)

// NodeDrain evicts pods as a drain of their nodes does: those that the selector matches
// and that run on a node of the pods that the mode draws, one after another, as their
// disruption budgets allow. The node is not cordoned, and no other pod of it is touched.
// It happens once and leaves nothing to undo.
//
// It has the methods of Chaos Mesh's own kinds, so that its selector is read, checked and
// drawn as theirs are.
type NodeDrain struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec NodeDrainSpec `json:"spec"`
}

// NodeDrainSpec is Chaos Mesh's selector with its mode, and nothing else.
type NodeDrainSpec struct {
	v1alpha1.PodSelector `json:",inline"`
}

// Own says whether the runner does the fault itself.
func Own(f Fault) bool { return f.Kind == KindNodeDrain }

// own makes an empty object of a kind of the runner.
func own(doc document.Document) (v1alpha1.InnerObject, []Problem) {
	if kind := doc.Value("kind"); kind != KindNodeDrain {
		return nil, []Problem{doc.Problem("kind", "unknown kind %q%s", kind, document.Suggest(kind, []string{KindNodeDrain}))}
	}
	return &NodeDrain{}, nil
}

// GetSelectorSpecs is the only selector there is.
func (d *NodeDrain) GetSelectorSpecs() map[string]any {
	return map[string]any{".": &d.Spec.PodSelector}
}

// IsOneShot is always true.
func (d *NodeDrain) IsOneShot() bool { return true }

// IsDeleted is never true: no API server holds a NodeDrain.
func (d *NodeDrain) IsDeleted() bool { return false }

// IsPaused is never true: nothing parks what happens once.
func (d *NodeDrain) IsPaused() bool { return false }

// DurationExceeded is never true: it has none.
func (d *NodeDrain) DurationExceeded(time.Time) (exceeded bool, left time.Duration, err error) {
	return false, 0, nil
}

// GetStatus is empty: what became of the pods is known to who evicts them.
func (d *NodeDrain) GetStatus() *v1alpha1.ChaosStatus { return &v1alpha1.ChaosStatus{} }

// DeepCopyObject returns a copy that shares nothing with it.
func (d *NodeDrain) DeepCopyObject() runtime.Object {
	out := &NodeDrain{TypeMeta: d.TypeMeta, Spec: NodeDrainSpec{*d.Spec.PodSelector.DeepCopy()}}
	d.DeepCopyInto(&out.ObjectMeta)
	return out
}

// Default fills in nothing.
func (d *NodeDrain) Default(context.Context, runtime.Object) error { return nil }

// ValidateCreate refuses nothing: Decode has checked all that there is.
func (d *NodeDrain) ValidateCreate(context.Context, runtime.Object) (admission.Warnings, error) {
	return nil, nil
}

// ValidateUpdate refuses nothing.
func (d *NodeDrain) ValidateUpdate(context.Context, runtime.Object, runtime.Object) (admission.Warnings, error) {
	return nil, nil
}

// ValidateDelete refuses nothing.
func (d *NodeDrain) ValidateDelete(context.Context, runtime.Object) (admission.Warnings, error) {
	return nil, nil
}
