package cluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/capability"
)

// Where a cluster publishes what it can inject.
const (
	capabilitiesNamespace = "ballast-system"
	capabilitiesName      = "capabilities"
	capabilitiesKey       = "capabilities.json"
)

// Capabilities is what the cluster publishes about the faults that it can inject; nil
// when it publishes nothing, or when this user may not read it.
func (c *Cluster) Capabilities(ctx context.Context) (*capability.Document, error) {
	published, err := c.Kubernetes.CoreV1().ConfigMaps(capabilitiesNamespace).Get(ctx, capabilitiesName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, nil //nolint:nilnil // there is none, which the caller has to expect
	case err != nil:
		return nil, fmt.Errorf("%w: ConfigMap %s of namespace %s: %w", fault.ErrUnreachable, capabilitiesName, capabilitiesNamespace, err)
	}
	d, err := capability.Decode(strings.NewReader(published.Data[capabilitiesKey]))
	if err != nil {
		return nil, fmt.Errorf("ConfigMap %s of namespace %s: %w", capabilitiesName, capabilitiesNamespace, err)
	}
	return &d, nil
}

// capabilityOf names a fault as the capabilities do.
func capabilityOf(f fault.Fault) capability.Fault {
	out := capability.Fault{Kind: f.Kind, Action: f.Action}
	switch o := f.Object.(type) {
	case *v1alpha1.NetworkChaos:
		if o.Spec.Target != nil || len(o.Spec.ExternalTargets) > 0 {
			out.Variant = capability.Targeted
		}
	case *v1alpha1.StressChaos:
		if s := o.Spec.Stressors; s != nil && s.MemoryStressor != nil && s.MemoryStressor.OOMScoreAdj < 0 {
			out.Variant = capability.LoweredOOMScore
		}
	}
	return out
}

// standIn is what injects a fault in the place of a program of the Chaos Mesh project, as
// the cluster's published capabilities have it; empty where they have nothing.
func standIn(d *capability.Document, f fault.Fault) string {
	if d == nil {
		return ""
	}
	return d.StandIn(capabilityOf(f))
}
