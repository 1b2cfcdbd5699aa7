package policy

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// A rule that cannot fail is none. Each is broken here once.
func TestThePodRulesFail(t *testing.T) {
	yes, no, root, user := true, false, int64(0), int64(65532)
	good := func() Pod {
		return Pod{ID: "Pod/good", Spec: corev1.PodSpec{
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
	tests := map[string]func(*Pod){
		"is not root": func(p *Pod) { p.Spec.SecurityContext.RunAsUser = &root },
		"has the runtime's filter of system calls": func(p *Pod) { p.Spec.SecurityContext.SeccompProfile = nil },
		"keeps out of the node's namespaces":       func(p *Pod) { p.Spec.HostPID = true },
		"has no token of the API server":           func(p *Pod) { p.Spec.AutomountServiceAccountToken = nil },
		"has an identity of its own":               func(p *Pod) { p.Spec.ServiceAccountName = "default" },
		"mounts the node's files read-only": func(p *Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}}}
			p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v"}}
		},
		"has a root file system that is read-only": func(p *Pod) { p.Spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem = nil },
		"has no capabilities": func(p *Pod) {
			p.Spec.Containers[0].SecurityContext.Capabilities.Add = []corev1.Capability{"NET_ADMIN"}
		},
		"cannot gain privileges":       func(p *Pod) { p.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil },
		"says what it needs":           func(p *Pod) { p.Spec.Containers[0].Resources.Limits = nil },
		"runs an image that is pinned": func(p *Pod) { p.Spec.Containers[0].Image = "registry.example:5000/image" },
		"takes no port of the node": func(p *Pod) {
			p.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
		},
	}
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			p := good()
			if problems := r.Check(p); len(problems) > 0 {
				t.Errorf("a good pod: %q", problems)
			}
			spoil, ok := tests[r.Name]
			if !ok {
				t.Fatal("no test breaks this rule")
			}
			spoil(&p)
			if len(r.Check(p)) == 0 {
				t.Error("a bad pod passed")
			}
		})
	}
}
