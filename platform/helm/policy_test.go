package helm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// pod is a pod that a chart brings about, and which of its objects does.
type pod struct {
	id        string // kind and name of the object
	namespace string
	labels    map[string]string
	spec      corev1.PodSpec
}

// pods returns the pods that objects bring about. Those of Prometheus and
// Alertmanager are what the operator makes of them, as far as the object decides.
func pods(all []object) []pod {
	var ps []pod
	for _, o := range all {
		p := pod{namespace: o.GetNamespace()}
		var kind string
		switch o := o.(type) {
		case *appsv1.Deployment:
			kind, p.labels, p.spec = "Deployment", o.Spec.Template.Labels, o.Spec.Template.Spec
		case *appsv1.DaemonSet:
			kind, p.labels, p.spec = "DaemonSet", o.Spec.Template.Labels, o.Spec.Template.Spec
		case *appsv1.StatefulSet:
			kind, p.labels, p.spec = "StatefulSet", o.Spec.Template.Labels, o.Spec.Template.Spec
		case *corev1.Pod:
			kind, p.labels, p.spec = "Pod", o.Labels, o.Spec
		case *monitoringv1.Prometheus:
			kind, p.labels = "Prometheus", operated("prometheus", o.Name)
			p.spec = operatedSpec(o.Spec.Image, o.Spec.Resources, o.Spec.SecurityContext)
			p.spec.ServiceAccountName = o.Spec.ServiceAccountName
			p.spec.AutomountServiceAccountToken = o.Spec.AutomountServiceAccountToken
		case *monitoringv1.Alertmanager:
			kind, p.labels = "Alertmanager", operated("alertmanager", o.Name)
			p.spec = operatedSpec(o.Spec.Image, o.Spec.Resources, o.Spec.SecurityContext)
			p.spec.ServiceAccountName = o.Spec.ServiceAccountName
			p.spec.AutomountServiceAccountToken = o.Spec.AutomountServiceAccountToken
		default:
			continue
		}
		p.id = kind + "/" + o.GetName()
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

// containers returns all containers of a pod.
func (p pod) containers() []corev1.Container {
	return slices.Concat(p.spec.InitContainers, p.spec.Containers)
}

// rule is what every pod has to keep to. It returns what is wrong.
type rule struct {
	name  string
	check func(pod) []string
}

// each makes a rule about pods of one about containers.
func each(check func(corev1.Container) string) func(pod) []string {
	return func(p pod) []string {
		var problems []string
		for _, c := range p.containers() {
			if problem := check(c); problem != "" {
				problems = append(problems, c.Name+" "+problem)
			}
		}
		return problems
	}
}

// unless is a rule's answer.
func unless(ok bool, problem string) []string {
	if ok {
		return nil
	}
	return []string{problem}
}

func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }

func podRules() []rule {
	return []rule{
		{"is not root", func(p pod) []string {
			sc := p.spec.SecurityContext
			return unless(sc != nil && isTrue(sc.RunAsNonRoot) && sc.RunAsUser != nil && *sc.RunAsUser != 0, "may run as root")
		}},
		{"has the runtime's filter of system calls", func(p pod) []string {
			sc := p.spec.SecurityContext
			return unless(sc != nil && sc.SeccompProfile != nil && sc.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault, "has no seccomp profile")
		}},
		{"keeps out of the node's namespaces", func(p pod) []string {
			return unless(!p.spec.HostNetwork && !p.spec.HostPID && !p.spec.HostIPC, "uses one")
		}},
		{"has no token of the API server", func(p pod) []string {
			return unless(isFalse(p.spec.AutomountServiceAccountToken), "gets one")
		}},
		{"has an identity of its own", func(p pod) []string {
			return unless(p.spec.ServiceAccountName != "" && p.spec.ServiceAccountName != "default", "has the namespace's")
		}},
		{"mounts the node's files read-only", func(p pod) []string {
			var problems []string
			for _, v := range p.spec.Volumes {
				for _, c := range p.containers() {
					for _, m := range c.VolumeMounts {
						if v.HostPath != nil && m.Name == v.Name && !m.ReadOnly {
							problems = append(problems, fmt.Sprintf("%s may write to %s", c.Name, v.HostPath.Path))
						}
					}
				}
			}
			return problems
		}},
		{"has a root file system that is read-only", each(func(c corev1.Container) string {
			if c.SecurityContext == nil || !isTrue(c.SecurityContext.ReadOnlyRootFilesystem) {
				return "may write to its own"
			}
			return ""
		})},
		{"has no capabilities", each(func(c corev1.Container) string {
			if c.SecurityContext == nil || c.SecurityContext.Capabilities == nil ||
				!slices.Contains(c.SecurityContext.Capabilities.Drop, "ALL") || len(c.SecurityContext.Capabilities.Add) > 0 {
				return "has some"
			}
			return ""
		})},
		{"cannot gain privileges", each(func(c corev1.Container) string {
			if sc := c.SecurityContext; sc == nil || !isFalse(sc.AllowPrivilegeEscalation) || isTrue(sc.Privileged) {
				return "can"
			}
			return ""
		})},
		{"says what it needs", each(func(c corev1.Container) string {
			if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() {
				return "requests no CPU or no memory"
			}
			if c.Resources.Limits.Memory().IsZero() {
				return "may take the node's memory"
			}
			return ""
		})},
		{"runs an image that is pinned", each(func(c corev1.Container) string {
			image := c.Image[strings.LastIndex(c.Image, "/")+1:]
			if _, tag, ok := strings.Cut(image, ":"); !ok || tag == "latest" || tag == "" {
				return "runs " + c.Image
			}
			return ""
		})},
		{"takes no port of the node", each(func(c corev1.Container) string {
			for _, port := range c.Ports {
				if port.HostPort != 0 {
					return fmt.Sprintf("takes %d", port.HostPort)
				}
			}
			return ""
		})},
	}
}

// exception is a pod and a rule that it does not keep to.
type exception struct{ pod, rule string }

// exceptions say why a pod may break a rule.
func exceptions() map[exception]string {
	return map[exception]string{
		{"DaemonSet/otel-collector", "is not root"}:                          "the kubelet's log files are readable by root alone; it has none of root's capabilities",
		{"DaemonSet/otel-collector", "mounts the node's files read-only"}:    "where it keeps how far it has read, when that is asked for",
		{"Deployment/prometheus-operator", "has no token of the API server"}: "it works through the API server, with rights that rbac_test.go lists",
		{"Deployment/ballast-guard", "has no token of the API server"}:       "it takes faults away there, with rights that rbac_test.go lists",
		{"Prometheus/ballast", "has no token of the API server"}:             "it discovers its targets there, with rights that rbac_test.go lists",
	}
}

func TestEveryPodKeepsToTheRules(t *testing.T) {
	unused := exceptions()
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			for _, p := range pods(objects(t, v)) {
				for _, r := range podRules() {
					problems := r.check(p)
					if reason := exceptions()[exception{p.id, r.name}]; reason != "" {
						if len(problems) > 0 {
							delete(unused, exception{p.id, r.name})
						}
						continue
					}
					for _, problem := range problems {
						t.Errorf("%s: a pod %s: this %s", p.id, r.name, problem)
					}
				}
			}
		})
	}
	for e := range unused {
		t.Errorf("nothing needs the exception of %s from %q any more", e.pod, e.rule)
	}
}

func TestEveryIdentityIsThereAndHasNoTokenByItself(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(v.values, func(t *testing.T) {
			all := objects(t, v)
			for _, p := range pods(all) {
				find[*corev1.ServiceAccount](t, all, p.spec.ServiceAccountName)
			}
			for _, sa := range of[*corev1.ServiceAccount](all) {
				if !isFalse(sa.AutomountServiceAccountToken) {
					t.Errorf("ServiceAccount %s gives its token to every pod that names it", sa.Name)
				}
			}
		})
	}
}

// A rule that cannot fail is none. Each is broken here once.
func TestThePodRulesFail(t *testing.T) {
	yes, no, root, user := true, false, int64(0), int64(65532)
	good := func() pod {
		return pod{id: "Pod/good", spec: corev1.PodSpec{
			AutomountServiceAccountToken: &no, ServiceAccountName: "own",
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &user,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "c", Image: "registry.example:5000/image:v1",
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1m"), corev1.ResourceMemory: resource.MustParse("1Mi")},
					Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Mi")},
				},
				SecurityContext: &corev1.SecurityContext{
					ReadOnlyRootFilesystem: &yes, AllowPrivilegeEscalation: &no,
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		}}
	}
	tests := map[string]func(*pod){
		"is not root": func(p *pod) { p.spec.SecurityContext.RunAsUser = &root },
		"has the runtime's filter of system calls": func(p *pod) { p.spec.SecurityContext.SeccompProfile = nil },
		"keeps out of the node's namespaces":       func(p *pod) { p.spec.HostPID = true },
		"has no token of the API server":           func(p *pod) { p.spec.AutomountServiceAccountToken = nil },
		"has an identity of its own":               func(p *pod) { p.spec.ServiceAccountName = "default" },
		"mounts the node's files read-only": func(p *pod) {
			p.spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}}}
			p.spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v"}}
		},
		"has a root file system that is read-only": func(p *pod) { p.spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem = nil },
		"has no capabilities": func(p *pod) {
			p.spec.Containers[0].SecurityContext.Capabilities.Add = []corev1.Capability{"NET_ADMIN"}
		},
		"cannot gain privileges":       func(p *pod) { p.spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil },
		"says what it needs":           func(p *pod) { p.spec.Containers[0].Resources.Limits = nil },
		"runs an image that is pinned": func(p *pod) { p.spec.Containers[0].Image = "registry.example:5000/image" },
		"takes no port of the node": func(p *pod) {
			p.spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
		},
	}
	for _, r := range podRules() {
		t.Run(r.name, func(t *testing.T) {
			p := good()
			if problems := r.check(p); len(problems) > 0 {
				t.Errorf("a good pod: %q", problems)
			}
			spoil, ok := tests[r.name]
			if !ok {
				t.Fatal("no test breaks this rule")
			}
			spoil(&p)
			if len(r.check(p)) == 0 {
				t.Error("a bad pod passed")
			}
		})
	}
}
