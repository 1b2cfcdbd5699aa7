package main

import (
	"slices"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/ballast-sre/ballast/platform/policy"
)

// The names by which AKS knows things.
const (
	spotTaint   = "kubernetes.azure.com/scalesetpriority"
	systemTaint = "CriticalAddonsOnly"
	internalLB  = "service.beta.kubernetes.io/azure-load-balancer-internal"
	zone        = "topology.kubernetes.io/zone"
	azureGroup  = "azmonitoring.coreos.com"
)

// azure holds an object to the cluster that Terraform makes.
func (e *environment) azure(o object) {
	say := func(format string, args ...any) {
		e.say(o.by, "%s: %s: "+format, append([]any{o.Template, o.Kind()}, args...)...)
	}
	if group := o.GetObjectKind().GroupVersionKind().Group; group == "monitoring.coreos.com" {
		say("there is no %s on AKS: the managed Prometheus reads %s", group, azureGroup)
	}
	switch of := o.Object.Object.(type) {
	case *corev1.Service:
		if of.Spec.Type == corev1.ServiceTypeLoadBalancer && of.Annotations[internalLB] != "true" {
			say("it is reachable from the internet; annotate it with %s: \"true\"", internalLB)
		}
	case *monitoringv1.ServiceMonitor:
		if missing := limits(of.Spec.LabelLimit, of.Spec.LabelNameLengthLimit, of.Spec.LabelValueLengthLimit); missing != "" {
			say("%s", missing)
		}
	case *monitoringv1.PodMonitor:
		if missing := limits(of.Spec.LabelLimit, of.Spec.LabelNameLengthLimit, of.Spec.LabelValueLengthLimit); missing != "" {
			say("%s", missing)
		}
	case *networkingv1.NetworkPolicy:
		for _, rule := range of.Spec.Ingress {
			for _, peer := range rule.From {
				if peer.IPBlock != nil && peer.IPBlock.CIDR != e.plan.addresses {
					say("it lets in %s, and the network is %s (address_space in platform/terraform)", peer.IPBlock.CIDR, e.plan.addresses)
				}
			}
		}
	case *corev1.PersistentVolumeClaim:
		e.class(o, of)
	case *appsv1.StatefulSet:
		for i := range of.Spec.VolumeClaimTemplates {
			e.class(o, &of.Spec.VolumeClaimTemplates[i])
		}
	}
	for _, p := range policy.Pods([]policy.Object{o.Object.Object}) {
		e.placed(say, p)
	}
}

// limits are those without which Azure may drop what was scraped.
func limits(of ...*uint64) string {
	for i, want := range []uint64{63, 511, 1023} {
		if of[i] == nil || *of[i] > want {
			return "want labelLimit 63, labelNameLengthLimit 511 and labelValueLengthLimit 1023: Azure drops samples beyond them"
		}
	}
	return ""
}

// class holds a volume to the classes that AKS has.
func (e *environment) class(o object, c *corev1.PersistentVolumeClaim) {
	known := []string{"managed-csi", "managed-csi-premium", "azurefile-csi", "azurefile-csi-premium"}
	if c.Spec.StorageClassName == nil || !slices.Contains(known, *c.Spec.StorageClassName) {
		e.say(o.by, "%s: %s: the volume %s names no StorageClass of AKS; want one of %v", o.Template, o.Kind(), c.Name, known)
	}
}

// placed holds pods to the pools of nodes.
func (e *environment) placed(say func(string, ...any), p policy.Pod) {
	for _, t := range p.Spec.Tolerations {
		node := t.Key == "node.kubernetes.io/not-ready" || t.Key == "node.kubernetes.io/unreachable"
		switch {
		case t.Key == systemTaint || t.Key == "" && t.Effect != corev1.TaintEffectNoExecute:
			say("a toleration lets it onto the nodes of the system pool, which are for what the cluster itself needs")
		case t.Key == spotTaint && !e.plan.spot:
			say("it tolerates spot nodes, of which Terraform makes none here")
		case !node && t.Key != spotTaint && t.Key != "":
			say("it tolerates %s, a taint that no pool has", t.Key)
		}
	}
	for _, c := range p.Spec.TopologySpreadConstraints {
		if c.TopologyKey != zone || len(e.plan.zones) < 2 {
			continue
		}
		if c.WhenUnsatisfiable != corev1.DoNotSchedule {
			say("its pods may all end up in one of the zones %v; want whenUnsatisfiable: DoNotSchedule for %s", e.plan.zones, zone)
		}
		if c.NodeTaintsPolicy == nil || *c.NodeTaintsPolicy != corev1.NodeInclusionPolicyHonor {
			say("without nodeTaintsPolicy: Honor the nodes of a zone that is lost still count, and its pods wait for it")
		}
	}
}
