package policy

import (
	"cmp"
	"slices"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// Pod is a pod that an object brings about.
type Pod struct {
	ID        string // kind and name of the object
	Namespace string
	Labels    map[string]string
	Spec      corev1.PodSpec
}

// Pods returns the pods that objects bring about. Those of Prometheus and
// Alertmanager are what the operator makes of them, as far as the object decides.
func Pods(all []Object) []Pod {
	var ps []Pod
	for _, o := range all {
		p := Pod{Namespace: o.GetNamespace()}
		var kind string
		switch o := o.(type) {
		case *appsv1.Deployment:
			kind, p.Labels, p.Spec = "Deployment", o.Spec.Template.Labels, o.Spec.Template.Spec
		case *appsv1.DaemonSet:
			kind, p.Labels, p.Spec = "DaemonSet", o.Spec.Template.Labels, o.Spec.Template.Spec
		case *appsv1.StatefulSet:
			kind, p.Labels, p.Spec = "StatefulSet", o.Spec.Template.Labels, o.Spec.Template.Spec
		case *batchv1.Job:
			kind, p.Labels, p.Spec = "Job", o.Spec.Template.Labels, o.Spec.Template.Spec
		case *batchv1.CronJob:
			kind, p.Labels, p.Spec = "CronJob", o.Spec.JobTemplate.Spec.Template.Labels, o.Spec.JobTemplate.Spec.Template.Spec
		case *corev1.Pod:
			kind, p.Labels, p.Spec = "Pod", o.Labels, o.Spec
		case *monitoringv1.Prometheus:
			kind, p.Labels = "Prometheus", operated("prometheus", o.Name)
			p.Spec = operatedSpec(o.Spec.Image, o.Spec.Resources, o.Spec.SecurityContext)
			p.Spec.ServiceAccountName = o.Spec.ServiceAccountName
			p.Spec.AutomountServiceAccountToken = o.Spec.AutomountServiceAccountToken
		case *monitoringv1.Alertmanager:
			kind, p.Labels = "Alertmanager", operated("alertmanager", o.Name)
			p.Spec = operatedSpec(o.Spec.Image, o.Spec.Resources, o.Spec.SecurityContext)
			p.Spec.ServiceAccountName = o.Spec.ServiceAccountName
			p.Spec.AutomountServiceAccountToken = o.Spec.AutomountServiceAccountToken
		default:
			continue
		}
		p.ID = kind + "/" + o.GetName()
		if _, once := o.(*batchv1.Job); once {
			// It is named after what it is done for, which is another thing each time.
			p.ID = kind + "/" + cmp.Or(p.Labels["app.kubernetes.io/name"], o.GetName())
		}
		ps = append(ps, p)
	}
	return ps
}

// operated returns the labels by which the operator selects its pods.
func operated(name, instance string) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       name,
		"app.kubernetes.io/instance":   instance,
		"app.kubernetes.io/managed-by": "prometheus-operator",
	}
}

// operatedSpec is a pod of the operator. What its container may do is the
// operator's to say; it drops everything.
func operatedSpec(image *string, resources corev1.ResourceRequirements, sc *corev1.PodSecurityContext) corev1.PodSpec {
	yes, no := true, false
	return corev1.PodSpec{
		SecurityContext: sc,
		Containers: []corev1.Container{{
			Name: "operated", Image: *image, Resources: resources,
			SecurityContext: &corev1.SecurityContext{
				ReadOnlyRootFilesystem: &yes, AllowPrivilegeEscalation: &no,
				Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}
}

// Containers returns all containers of a pod.
func (p Pod) Containers() []corev1.Container {
	return slices.Concat(p.Spec.InitContainers, p.Spec.Containers)
}
