package manifest

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// podSpec is what the API server refuses of a pod that has the right fields.
func podSpec(s *corev1.PodSpec, at *field.Path) field.ErrorList {
	var all field.ErrorList
	if len(s.Containers) == 0 {
		all = append(all, field.Required(at.Child("containers"), ""))
	}
	volumes := map[string]bool{}
	for i, v := range s.Volumes {
		all = append(all, label(v.Name, at.Child("volumes").Index(i).Child("name"))...)
		volumes[v.Name] = true
	}
	named := map[string]bool{}
	for _, group := range []struct {
		field      string
		containers []corev1.Container
	}{{"initContainers", s.InitContainers}, {"containers", s.Containers}} {
		for i := range group.containers {
			c, at := &group.containers[i], at.Child(group.field).Index(i)
			if named[c.Name] {
				all = append(all, field.Duplicate(at.Child("name"), c.Name))
			}
			named[c.Name] = true
			all = append(all, container(c, at, volumes)...)
		}
	}
	for i, t := range s.Tolerations {
		all = append(all, toleration(t, at.Child("tolerations").Index(i))...)
	}
	for i, c := range s.TopologySpreadConstraints {
		all = append(all, spread(c, at.Child("topologySpreadConstraints").Index(i))...)
	}
	return append(all, one(at.Child("restartPolicy"), string(s.RestartPolicy), "", "Always", "OnFailure", "Never")...)
}

func container(c *corev1.Container, at *field.Path, volumes map[string]bool) field.ErrorList {
	all := label(c.Name, at.Child("name"))
	if c.Image == "" {
		all = append(all, field.Required(at.Child("image"), ""))
	}
	all = append(all, one(at.Child("imagePullPolicy"), string(c.ImagePullPolicy), "", "Always", "IfNotPresent", "Never")...)
	ports := map[string]bool{}
	for i, p := range c.Ports {
		at := at.Child("ports").Index(i)
		for _, msg := range validation.IsValidPortNum(int(p.ContainerPort)) {
			all = append(all, field.Invalid(at.Child("containerPort"), p.ContainerPort, msg))
		}
		if p.Name == "" {
			continue
		}
		for _, msg := range validation.IsValidPortName(p.Name) {
			all = append(all, field.Invalid(at.Child("name"), p.Name, msg))
		}
		ports[p.Name] = true
	}
	mounted := map[string]bool{}
	for i, m := range c.VolumeMounts {
		at := at.Child("volumeMounts").Index(i)
		if !volumes[m.Name] {
			all = append(all, field.NotFound(at.Child("name"), m.Name))
		}
		if m.MountPath == "" || mounted[m.MountPath] {
			all = append(all, field.Invalid(at.Child("mountPath"), m.MountPath, "must be unique"))
		}
		mounted[m.MountPath] = true
	}
	for i, e := range c.Env {
		for _, msg := range validation.IsEnvVarName(e.Name) {
			all = append(all, field.Invalid(at.Child("env").Index(i).Child("name"), e.Name, msg))
		}
	}
	for name, p := range map[string]*corev1.Probe{"readinessProbe": c.ReadinessProbe, "livenessProbe": c.LivenessProbe, "startupProbe": c.StartupProbe} {
		all = append(all, probe(p, at.Child(name), ports)...)
	}
	return append(all, resources(c.Resources, at.Child("resources"))...)
}

// probe is also held to the ports that the container names: the API server takes another, and
// the pod never becomes ready.
func probe(p *corev1.Probe, at *field.Path, ports map[string]bool) field.ErrorList {
	if p == nil {
		return nil
	}
	var all field.ErrorList
	handlers := 0
	port := func(v intstr.IntOrString, at *field.Path) {
		handlers++
		if v.Type == intstr.String && !ports[v.StrVal] {
			all = append(all, field.NotFound(at, v.StrVal))
		}
		if v.Type == intstr.Int {
			for _, msg := range validation.IsValidPortNum(v.IntValue()) {
				all = append(all, field.Invalid(at, v.IntValue(), msg))
			}
		}
	}
	if p.HTTPGet != nil {
		port(p.HTTPGet.Port, at.Child("httpGet", "port"))
		all = append(all, one(at.Child("httpGet", "scheme"), string(p.HTTPGet.Scheme), "", "HTTP", "HTTPS")...)
	}
	if p.TCPSocket != nil {
		port(p.TCPSocket.Port, at.Child("tcpSocket", "port"))
	}
	for _, other := range []bool{p.Exec != nil, p.GRPC != nil} {
		if other {
			handlers++
		}
	}
	if handlers != 1 {
		all = append(all, field.Forbidden(at, fmt.Sprintf("%d handler types are given, want one", handlers)))
	}
	for name, n := range map[string]int32{"periodSeconds": p.PeriodSeconds, "timeoutSeconds": p.TimeoutSeconds, "failureThreshold": p.FailureThreshold, "initialDelaySeconds": p.InitialDelaySeconds} {
		if n < 0 {
			all = append(all, field.Invalid(at.Child(name), n, "must be greater than or equal to 0"))
		}
	}
	return all
}

func resources(r corev1.ResourceRequirements, at *field.Path) field.ErrorList {
	var all field.ErrorList
	for name, request := range r.Requests {
		if request.Sign() < 0 {
			all = append(all, field.Invalid(at.Child("requests").Key(string(name)), request.String(), "must be greater than or equal to 0"))
		}
		if limit, ok := r.Limits[name]; ok && request.Cmp(limit) > 0 {
			all = append(all, field.Invalid(at.Child("requests").Key(string(name)), request.String(), "must be less than or equal to its limit of "+limit.String()))
		}
	}
	return all
}

func toleration(t corev1.Toleration, at *field.Path) field.ErrorList {
	all := one(at.Child("operator"), string(t.Operator), "", "Exists", "Equal", "Lt", "Gt")
	all = append(all, one(at.Child("effect"), string(t.Effect), "", "NoSchedule", "PreferNoSchedule", "NoExecute")...)
	if t.Key != "" {
		for _, msg := range validation.IsQualifiedName(t.Key) {
			all = append(all, field.Invalid(at.Child("key"), t.Key, msg))
		}
	}
	if t.Key == "" && t.Operator != corev1.TolerationOpExists {
		all = append(all, field.Invalid(at.Child("operator"), t.Operator, "must be Exists when `key` is empty"))
	}
	if t.Operator == corev1.TolerationOpExists && t.Value != "" {
		all = append(all, field.Invalid(at.Child("value"), t.Value, "must be empty when `operator` is Exists"))
	}
	return all
}

func spread(c corev1.TopologySpreadConstraint, at *field.Path) field.ErrorList {
	var all field.ErrorList
	if c.MaxSkew <= 0 {
		all = append(all, field.Invalid(at.Child("maxSkew"), c.MaxSkew, "must be greater than zero"))
	}
	if c.TopologyKey == "" {
		all = append(all, field.Required(at.Child("topologyKey"), ""))
	}
	if c.MinDomains != nil && c.WhenUnsatisfiable != corev1.DoNotSchedule {
		all = append(all, field.Invalid(at.Child("minDomains"), *c.MinDomains, "can only use minDomains if whenUnsatisfiable=DoNotSchedule"))
	}
	for name, p := range map[string]*corev1.NodeInclusionPolicy{"nodeAffinityPolicy": c.NodeAffinityPolicy, "nodeTaintsPolicy": c.NodeTaintsPolicy} {
		if p != nil {
			all = append(all, one(at.Child(name), string(*p), "Honor", "Ignore")...)
		}
	}
	return append(all, one(at.Child("whenUnsatisfiable"), string(c.WhenUnsatisfiable), "DoNotSchedule", "ScheduleAnyway")...)
}

// label is a name that has to be a label of DNS.
func label(name string, at *field.Path) field.ErrorList {
	var all field.ErrorList
	for _, msg := range validation.IsDNS1123Label(name) {
		all = append(all, field.Invalid(at, name, msg))
	}
	return all
}

// one is a value out of few.
func one(at *field.Path, value string, of ...string) field.ErrorList {
	if slices.Contains(of, value) {
		return nil
	}
	return field.ErrorList{field.NotSupported(at, value, of)}
}
