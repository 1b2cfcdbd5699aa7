package main

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/pod-security-admission/api"

	"github.com/ballast-sre/ballast/platform/manifest"
	"github.com/ballast-sre/ballast/platform/policy"
)

// check holds every object to the API server, to its project and to its cluster.
func (e *environment) check(projects map[string]project) {
	security, err := manifest.NewSecurity()
	if err != nil {
		e.say("", "%v", err)
		return
	}
	seen := map[string]string{}
	for _, o := range e.objects {
		where := o.by
		if where == "" {
			where = o.GetName()
		}
		for _, problem := range manifest.Check(o.Object.Object) {
			e.say(where, "%s: %s: the API server would refuse it: %s", o.Template, o.Kind(), problem)
		}
		id := o.GetObjectKind().GroupVersionKind().GroupKind().String() + " " + o.GetNamespace() + "/" + o.GetName()
		if other, ok := seen[id]; ok {
			e.say(where, "%s: %s is applied by %q, too", o.Template, o.Kind(), other)
		}
		seen[id] = where
		e.project(projects, o)
		for _, p := range policy.Pods([]policy.Object{o.Object.Object}) {
			e.pod(security, o, p)
		}
		if e.plan.azure {
			e.azure(o)
		}
	}
	e.scaling()
	for _, account := range e.plan.accounts {
		if !slices.ContainsFunc(e.objects, func(o object) bool {
			_, is := o.Object.Object.(*corev1.ServiceAccount)
			return is && o.GetNamespace()+"/"+o.GetName() == account
		}) {
			e.say("", "Azure knows the ServiceAccount %s (platform/terraform/modules/environment), and no application has it", account)
		}
	}
	for _, a := range e.applications {
		if _, ok := projects[a.Spec.Project]; !ok {
			e.say(a.Metadata.Name, "spec.project: there is no project %q", a.Spec.Project)
		}
	}
}

// project holds an object to what the project of its application allows.
func (e *environment) project(projects map[string]project, o object) {
	i := slices.IndexFunc(e.applications, func(a application) bool { return a.Metadata.Name == o.by })
	if i < 0 {
		return
	}
	name := e.applications[i].Spec.Project
	p, ok := projects[name]
	if !ok {
		return
	}
	id := o.GetObjectKind().GroupVersionKind()
	if !p.allows(id.Group, id.Kind, o.GetName(), o.GetNamespace()) {
		e.say(o.by, "%s: project %s refuses the %s in namespace %q; let platform/argocd/bootstrap/projects.yaml allow it, or leave it out", o.Template, name, o.Kind(), o.GetNamespace())
	}
}

// pod holds a pod to what its namespace lets it be: by its label, and on AKS by deployment
// safeguards.
func (e *environment) pod(security manifest.Security, o object, p policy.Pod) {
	const enforce = "pod-security.kubernetes.io/enforce"
	label := e.labelsOf(o.GetNamespace())[enforce]
	levels := map[api.Level]string{}
	if label != "" {
		level, err := api.ParseLevel(label)
		if err != nil {
			e.say(o.by, "namespace %s: %s: %v", o.GetNamespace(), enforce, err)
			return
		}
		levels[level] = "the label of namespace " + o.GetNamespace()
	}
	if e.plan.azure {
		if label == "" {
			e.say(o.by, "namespace %s has no label %s; say which pods it takes: restricted, baseline or privileged", o.GetNamespace(), enforce)
		}
		if !slices.Contains(e.plan.excluded, o.GetNamespace()) && levels[e.plan.least] == "" {
			levels[e.plan.least] = "the cluster's deployment safeguards (platform/terraform)"
		}
	}
	for level, by := range levels {
		if detail := security.Forbids(level, p); detail != "" {
			e.say(o.by, "%s: %s: %s let pods be %s, and this one is not: %s", o.Template, p.ID, by, level, detail)
		}
	}
}

// scaling holds autoscalers and disruption budgets to the workloads that they are for.
func (e *environment) scaling() {
	for _, o := range e.objects {
		switch of := o.Object.Object.(type) {
		case *autoscalingv2.HorizontalPodAutoscaler:
			d := e.deployment(o.GetNamespace(), func(d *appsv1.Deployment) bool { return d.Name == of.Spec.ScaleTargetRef.Name })
			switch {
			case d == nil:
				e.say(o.by, "%s: there is no %s %s to scale", o.Kind(), of.Spec.ScaleTargetRef.Kind, of.Spec.ScaleTargetRef.Name)
			case d.Spec.Replicas != nil:
				e.say(o.by, "%s: Deployment %s says replicas, too, and Argo CD would undo each scaling; leave them out", o.Kind(), d.Name)
			case !requestsCPU(d):
				e.say(o.by, "%s: Deployment %s requests no CPU, of which utilization is a part", o.Kind(), d.Name)
			}
		case *policyv1.PodDisruptionBudget:
			e.budget(o, of)
		}
	}
}

func requestsCPU(d *appsv1.Deployment) bool {
	for _, c := range d.Spec.Template.Spec.Containers {
		if c.Resources.Requests.Cpu().IsZero() {
			return false
		}
	}
	return true
}

// budget finds one that lets no pod go, which would keep nodes from being updated, and one
// that lets all of them go.
func (e *environment) budget(o object, b *policyv1.PodDisruptionBudget) {
	s, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	if err != nil {
		return // Check has said so
	}
	d := e.deployment(o.GetNamespace(), func(d *appsv1.Deployment) bool { return s.Matches(labels.Set(d.Spec.Template.Labels)) })
	if d == nil {
		e.say(o.by, "%s selects no pods", o.Kind())
		return
	}
	least := e.least(d)
	away := func(of *intstr.IntOrString) int {
		n, err := intstr.GetScaledValueFromIntOrPercent(of, least, true)
		if err != nil {
			e.say(o.by, "%s: %v", o.Kind(), err)
		}
		return n
	}
	gone := 0
	if b.Spec.MaxUnavailable != nil {
		gone = away(b.Spec.MaxUnavailable)
	} else if b.Spec.MinAvailable != nil {
		gone = least - away(b.Spec.MinAvailable)
	}
	if gone < 1 || gone >= least {
		e.say(o.by, "%s lets %d of the %d pods of %s go at once; let at least one go and one stay", o.Kind(), gone, least, d.Name)
	}
}

// least is how many pods a Deployment has when it has the fewest.
func (e *environment) least(d *appsv1.Deployment) int {
	for _, o := range e.objects {
		if h, ok := o.Object.Object.(*autoscalingv2.HorizontalPodAutoscaler); ok && h.Namespace == d.Namespace && h.Spec.ScaleTargetRef.Name == d.Name && h.Spec.MinReplicas != nil {
			return int(*h.Spec.MinReplicas)
		}
	}
	if d.Spec.Replicas != nil {
		return int(*d.Spec.Replicas)
	}
	return 1
}

func (e *environment) deployment(namespace string, is func(*appsv1.Deployment) bool) *appsv1.Deployment {
	for _, o := range e.objects {
		if d, ok := o.Object.Object.(*appsv1.Deployment); ok && d.Namespace == namespace && is(d) {
			return d
		}
	}
	return nil
}
