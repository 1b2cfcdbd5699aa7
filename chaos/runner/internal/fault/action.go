package fault

import (
	"slices"
	"strings"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"

	"github.com/ballast-sre/ballast/internal/document"
)

// actionsOf lists the actions of a kind. The API has them only as markers for
// its schema, which its own validation does not read; nil means that the kind's
// action is checked by the API itself or that it has none.
func actionsOf(kind string) []string {
	switch kind {
	case v1alpha1.KindPodChaos:
		return texts(v1alpha1.PodKillAction, v1alpha1.PodFailureAction, v1alpha1.ContainerKillAction)
	case v1alpha1.KindNetworkChaos:
		return texts(v1alpha1.NetemAction, v1alpha1.DelayAction, v1alpha1.LossAction, v1alpha1.DuplicateAction,
			v1alpha1.CorruptAction, v1alpha1.PartitionAction, v1alpha1.BandwidthAction)
	case v1alpha1.KindIOChaos:
		return texts(v1alpha1.IoLatency, v1alpha1.IoFaults, v1alpha1.IoAttrOverride, v1alpha1.IoMistake)
	case v1alpha1.KindDNSChaos:
		return texts(v1alpha1.ErrorAction, v1alpha1.RandomAction)
	case v1alpha1.KindBlockChaos:
		return texts(v1alpha1.BlockDelay)
	case v1alpha1.KindJVMChaos:
		return texts(v1alpha1.JVMLatencyAction, v1alpha1.JVMReturnAction, v1alpha1.JVMExceptionAction,
			v1alpha1.JVMStressAction, v1alpha1.JVMGCAction, v1alpha1.JVMRuleDataAction, v1alpha1.JVMMySQLAction)
	case v1alpha1.KindAWSChaos:
		return texts(v1alpha1.Ec2Stop, v1alpha1.Ec2Restart, v1alpha1.DetachVolume)
	case v1alpha1.KindAzureChaos:
		return texts(v1alpha1.AzureVmStop, v1alpha1.AzureVmRestart, v1alpha1.AzureDiskDetach)
	case v1alpha1.KindGCPChaos:
		return texts(v1alpha1.NodeStop, v1alpha1.NodeReset, v1alpha1.DiskLoss)
	default:
		return nil
	}
}

func texts[T ~string](values ...T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// actionOf names what the object does. StressChaos and HTTPChaos have no action
// field: theirs are the parts that are given, joined by "+". It is empty for
// kinds that do one thing only.
func actionOf(obj v1alpha1.InnerObject) string {
	var parts []string
	given := func(name string, ok bool) {
		if ok {
			parts = append(parts, name)
		}
	}
	switch o := obj.(type) {
	case *v1alpha1.StressChaos:
		if o.Spec.StressngStressors != "" {
			return "stress-ng" // it wins over the stressors in Chaos Mesh too
		}
		if s := o.Spec.Stressors; s != nil {
			given("cpu", s.CPUStressor != nil)
			given("memory", s.MemoryStressor != nil)
		}
	case *v1alpha1.HTTPChaos:
		given("abort", o.Spec.Abort != nil && *o.Spec.Abort)
		given("delay", o.Spec.Delay != nil)
		given("replace", o.Spec.Replace != nil)
		given("patch", o.Spec.Patch != nil)
	default:
		if v := specField(obj, "Action"); v.IsValid() {
			return v.String()
		}
	}
	return strings.Join(parts, "+")
}

func (c *checker) action(f Fault) {
	known := actionsOf(f.Kind)
	switch {
	case f.Kind == v1alpha1.KindStressChaos && f.Action == "":
		c.Problem("spec.stressors", "no stressor is given; give cpu, memory or both")
	case f.Kind == v1alpha1.KindHTTPChaos && f.Action == "":
		c.Problem("spec", "nothing is done to the requests; give abort: true, delay, replace or patch")
	case len(known) == 0 || slices.Contains(known, f.Action):
	case f.Action == "":
		c.Problem("spec.action", "missing; give one of %s", strings.Join(known, ", "))
	default:
		c.Problem("spec.action", "%s has no action %q%s", f.Kind, f.Action, document.Suggest(f.Action, known))
	}
}
