package policy

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Rule is what every pod has to keep to.
type Rule struct {
	Name string
	// Check returns what is wrong; nothing: the pod keeps to it.
	Check func(Pod) []string
}

// each makes a rule about pods of one about containers.
func each(check func(corev1.Container) string) func(Pod) []string {
	return func(p Pod) []string {
		var problems []string
		for _, c := range p.Containers() {
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

// Rules are those of pod security that everything of this platform keeps to.
func Rules() []Rule {
	return []Rule{
		{"is not root", func(p Pod) []string {
			sc := p.Spec.SecurityContext
			return unless(sc != nil && isTrue(sc.RunAsNonRoot) && sc.RunAsUser != nil && *sc.RunAsUser != 0, "may run as root")
		}},
		{"has the runtime's filter of system calls", func(p Pod) []string {
			sc := p.Spec.SecurityContext
			return unless(sc != nil && sc.SeccompProfile != nil && sc.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault, "has no seccomp profile")
		}},
		{"keeps out of the node's namespaces", func(p Pod) []string {
			return unless(!p.Spec.HostNetwork && !p.Spec.HostPID && !p.Spec.HostIPC, "uses one")
		}},
		{"has no token of the API server", func(p Pod) []string {
			return unless(isFalse(p.Spec.AutomountServiceAccountToken), "gets one")
		}},
		{"has an identity of its own", func(p Pod) []string {
			return unless(p.Spec.ServiceAccountName != "" && p.Spec.ServiceAccountName != "default", "has the namespace's")
		}},
		{"mounts the node's files read-only", func(p Pod) []string {
			var problems []string
			for _, v := range p.Spec.Volumes {
				for _, c := range p.Containers() {
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
