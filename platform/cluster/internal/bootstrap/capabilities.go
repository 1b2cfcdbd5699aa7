package bootstrap

import (
	"bytes"
	"context"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/internal/capability"
)

// Where a cluster says what it can inject.
const (
	CapabilitiesNamespace = "ballast-system"
	CapabilitiesName      = "capabilities"
	CapabilitiesKey       = "capabilities.json"
)

// chaosNamespace is where the chart chaos is.
const chaosNamespace = "chaos-testing"

// PublishCapabilities asks a daemon of Chaos Mesh what its node can do, and writes it
// where the runner and people look: a ConfigMap that the runner may read. It blocks until
// a daemon is ready.
func (p Platform) PublishCapabilities(ctx context.Context) error {
	const namespace, daemon = chaosNamespace, "daemonset/chaos-daemon"
	if err := p.kubectl(ctx, nil, "rollout", "status", "--namespace="+namespace, daemon, "--timeout=2m"); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	document, err := capability.Probe(ctx, func(ctx context.Context, command ...string) (string, error) {
		return p.output(ctx, nil, append([]string{"exec", "--namespace=" + namespace, daemon, "--container=chaos-daemon", "--"}, command...)...)
	})
	if err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	var text bytes.Buffer
	if err := capability.Encode(&text, document); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	object, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": CapabilitiesName, "namespace": CapabilitiesNamespace},
		"data":     map[string]string{CapabilitiesKey: text.String()},
	})
	if err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	possible := 0
	for _, f := range capability.Faults() {
		if document.Judge(f).Possible {
			possible++
		}
	}
	p.Report("%d of %d faults are possible here; why the others are not is in `kubectl --namespace %s get configmap %s --output yaml`",
		possible, len(capability.Faults()), CapabilitiesNamespace, CapabilitiesName)
	return p.apply(ctx, append(object, readers()...))
}

// readers lets the runner of the chart chaos read it, by its name. No application may:
// the namespace is the cluster's own, in which none deploys.
func readers() []byte {
	return fmt.Appendf(nil, `---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: ballast-runner, namespace: %[1]s}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [%[2]s], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ballast-runner, namespace: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: ballast-runner}
subjects: [{kind: ServiceAccount, name: ballast-runner, namespace: %[3]s}]
`, CapabilitiesNamespace, CapabilitiesName, chaosNamespace)
}
