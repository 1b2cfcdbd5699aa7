package manifest

import (
	"net/netip"
	"regexp"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/ballast-sre/ballast/platform/policy"
)

// byKind is what the API server refuses of one kind alone.
func byKind(o policy.Object) field.ErrorList {
	at := field.NewPath("spec")
	switch o := o.(type) {
	case *corev1.Service:
		return service(o.Spec, at)
	case *autoscalingv2.HorizontalPodAutoscaler:
		return autoscaler(o.Spec, at)
	case *policyv1.PodDisruptionBudget:
		if (o.Spec.MinAvailable == nil) == (o.Spec.MaxUnavailable == nil) {
			return field.ErrorList{field.Invalid(at, o.Name, "want one of minAvailable and maxUnavailable")}
		}
	case *networkingv1.NetworkPolicy:
		return network(o.Spec, at)
	case *monitoringv1.ServiceMonitor:
		all := selector(&o.Spec.Selector, at.Child("selector"))
		for i, e := range o.Spec.Endpoints {
			at := at.Child("endpoints").Index(i)
			all = append(all, relabelings(e.RelabelConfigs, at.Child("relabelings"))...)
			all = append(all, scrape(e.Interval, e.ScrapeTimeout, at)...)
		}
		return all
	case *monitoringv1.PodMonitor:
		all := selector(&o.Spec.Selector, at.Child("selector"))
		for i, e := range o.Spec.PodMetricsEndpoints {
			at := at.Child("podMetricsEndpoints").Index(i)
			all = append(all, relabelings(e.RelabelConfigs, at.Child("relabelings"))...)
			all = append(all, scrape(e.Interval, e.ScrapeTimeout, at)...)
		}
		return all
	}
	return nil
}

func service(s corev1.ServiceSpec, at *field.Path) field.ErrorList {
	all := one(at.Child("type"), string(s.Type), "", "ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
	all = append(all, one(at.Child("externalTrafficPolicy"), string(s.ExternalTrafficPolicy), "", "Cluster", "Local")...)
	outside := s.Type == corev1.ServiceTypeLoadBalancer || s.Type == corev1.ServiceTypeNodePort
	if s.ExternalTrafficPolicy != "" && !outside {
		all = append(all, field.Invalid(at.Child("externalTrafficPolicy"), s.ExternalTrafficPolicy, "may only be set for externally-accessible services"))
	}
	if s.Type != corev1.ServiceTypeExternalName && s.ClusterIP != corev1.ClusterIPNone && len(s.Ports) == 0 {
		all = append(all, field.Required(at.Child("ports"), ""))
	}
	if len(s.LoadBalancerSourceRanges) > 0 && s.Type != corev1.ServiceTypeLoadBalancer {
		all = append(all, field.Forbidden(at.Child("loadBalancerSourceRanges"), "may only be used when `type` is 'LoadBalancer'"))
	}
	for i, r := range s.LoadBalancerSourceRanges {
		all = append(all, cidr(r, at.Child("loadBalancerSourceRanges").Index(i))...)
	}
	names := map[string]bool{}
	for i, p := range s.Ports {
		at := at.Child("ports").Index(i)
		if len(s.Ports) > 1 || p.Name != "" {
			all = append(all, label(p.Name, at.Child("name"))...)
		}
		if names[p.Name] {
			all = append(all, field.Duplicate(at.Child("name"), p.Name))
		}
		names[p.Name] = true
		for _, msg := range validation.IsValidPortNum(int(p.Port)) {
			all = append(all, field.Invalid(at.Child("port"), p.Port, msg))
		}
	}
	return append(all, metavalidation.ValidateLabels(s.Selector, at.Child("selector"))...)
}

func autoscaler(s autoscalingv2.HorizontalPodAutoscalerSpec, at *field.Path) field.ErrorList {
	var all field.ErrorList
	if s.MinReplicas != nil && *s.MinReplicas < 1 {
		all = append(all, field.Invalid(at.Child("minReplicas"), *s.MinReplicas, "must be greater than or equal to 1"))
	}
	if s.MaxReplicas < 1 || s.MinReplicas != nil && s.MaxReplicas < *s.MinReplicas {
		all = append(all, field.Invalid(at.Child("maxReplicas"), s.MaxReplicas, "must be greater than or equal to `minReplicas`"))
	}
	for i, m := range s.Metrics {
		at := at.Child("metrics").Index(i)
		all = append(all, one(at.Child("type"), string(m.Type), "Resource", "Pods", "Object", "External", "ContainerResource")...)
		if m.Resource != nil && m.Resource.Target.AverageUtilization != nil && *m.Resource.Target.AverageUtilization < 1 {
			all = append(all, field.Invalid(at.Child("resource", "target", "averageUtilization"), *m.Resource.Target.AverageUtilization, "must be greater than 0"))
		}
	}
	return all
}

func network(s networkingv1.NetworkPolicySpec, at *field.Path) field.ErrorList {
	all := selector(&s.PodSelector, at.Child("podSelector"))
	for i, rule := range s.Ingress {
		all = append(all, peers(rule.From, at.Child("ingress").Index(i).Child("from"))...)
	}
	for i, rule := range s.Egress {
		all = append(all, peers(rule.To, at.Child("egress").Index(i).Child("to"))...)
	}
	for i, t := range s.PolicyTypes {
		all = append(all, one(at.Child("policyTypes").Index(i), string(t), "Ingress", "Egress")...)
	}
	return all
}

func peers(of []networkingv1.NetworkPolicyPeer, at *field.Path) field.ErrorList {
	var all field.ErrorList
	for i, p := range of {
		at := at.Index(i)
		selects := p.PodSelector != nil || p.NamespaceSelector != nil
		switch {
		case p.IPBlock == nil && !selects:
			all = append(all, field.Required(at, "must specify a peer"))
		case p.IPBlock != nil && selects:
			all = append(all, field.Forbidden(at, "may not specify both ipBlock and another peer"))
		}
		if p.IPBlock != nil {
			all = append(all, cidr(p.IPBlock.CIDR, at.Child("ipBlock", "cidr"))...)
		}
		for name, s := range map[string]*metav1.LabelSelector{"podSelector": p.PodSelector, "namespaceSelector": p.NamespaceSelector} {
			if s != nil {
				all = append(all, selector(s, at.Child(name))...)
			}
		}
	}
	return all
}

func selector(s *metav1.LabelSelector, at *field.Path) field.ErrorList {
	return metavalidation.ValidateLabelSelector(s, metavalidation.LabelSelectorValidationOptions{}, at)
}

func cidr(text string, at *field.Path) field.ErrorList {
	if p, err := netip.ParsePrefix(text); err != nil || p != p.Masked() {
		return field.ErrorList{field.Invalid(at, text, "must be a CIDR, such as 10.0.0.0/16")}
	}
	return nil
}

// duration is the form that the definitions of monitors have.
var duration = regexp.MustCompile(`^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$`)

func scrape(interval, timeout monitoringv1.Duration, at *field.Path) field.ErrorList {
	var all field.ErrorList
	for name, d := range map[string]monitoringv1.Duration{"interval": interval, "scrapeTimeout": timeout} {
		if !duration.MatchString(string(d)) {
			all = append(all, field.Invalid(at.Child(name), d, "must be a duration, such as 15s"))
		}
	}
	return all
}

func relabelings(of []monitoringv1.RelabelConfig, at *field.Path) field.ErrorList {
	var all field.ErrorList
	for i, r := range of {
		all = append(all, one(at.Index(i).Child("action"), r.Action, "", "replace", "Replace", "keep", "Keep", "drop", "Drop", "hashmod", "HashMod",
			"labelmap", "LabelMap", "labeldrop", "LabelDrop", "labelkeep", "LabelKeep", "lowercase", "Lowercase", "uppercase", "Uppercase",
			"keepequal", "KeepEqual", "dropequal", "DropEqual")...)
	}
	return all
}
