package helm

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/policy"
)

// chaosMesh returns the chart with Chaos Mesh's own in it, as it is installed. That
// one comes from the module from which the local cluster is built: a little newer
// than the published one, with the same templates. Without the module there is
// nothing to test with.
func chaosMesh(t *testing.T) *chart.Chart {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/chaos-mesh/chaos-mesh")
	list.Dir = filepath.Join("..", "cluster", "components", "chaos-mesh")
	out, err := list.Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("Chaos Mesh's module is not in the module cache (%v): `go mod download` in %s fetches it", err, list.Dir)
	}
	upstream, err := loader.LoadDir(filepath.Join(dir, "helm", "chaos-mesh"))
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, "chaos")
	upstream.Metadata.Version = c.Metadata.Dependencies[0].Version
	c.AddDependency(upstream)
	return c
}

func renderChaosMesh(t *testing.T) []document {
	t.Helper()
	docs, err := render(chaosMesh(t), readValues(t, "chaos-default"), engine.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// Rendered twice in all: each time takes a second, for the keys that it makes.
func TestChaosMeshAsItIsInstalled(t *testing.T) {
	first := renderChaosMesh(t)
	all := decode(t, first)
	for name, check := range map[string]func(*testing.T, []object){
		"it runs its two parts and no other":           runsTwoParts,
		"it spares who did not ask for it":             sparesWhoDidNotAsk,
		"its daemon finds containerd":                  findsContainerd,
		"nobody reaches its daemon but its controller": daemonIsAlone,
		"it keeps to the rules that it can keep to":    keepsToRules,
	} {
		t.Run(name, func(t *testing.T) { check(t, all) })
	}
	t.Run("another rendering changes what is known to change and nothing else", func(t *testing.T) {
		changesWhatIsKnown(t, untyped(t, first), untyped(t, renderChaosMesh(t)))
	})
}

func TestChaosMeshIsPinned(t *testing.T) {
	c := load(t, "chaos")
	if len(c.Metadata.Dependencies) != 1 {
		t.Fatalf("%d dependencies, want 1", len(c.Metadata.Dependencies))
	}
	d := c.Metadata.Dependencies[0]
	if d.Name != "chaos-mesh" || d.Version != "2.8.3" || d.Repository != "https://charts.chaos-mesh.org" {
		t.Errorf("it depends on %s %s of %s", d.Name, d.Version, d.Repository)
	}
	if c.Metadata.AppVersion != d.Version {
		t.Errorf("it says %s and installs %s", c.Metadata.AppVersion, d.Version)
	}
	if got := child(child(c.Values, "chaos-mesh"), "images")["tag"]; got != "v"+d.Version {
		t.Errorf("the images are of %v", got)
	}
}

func runsTwoParts(t *testing.T, all []object) {
	t.Helper()
	var got []string
	for _, p := range policy.Pods(all) {
		for _, c := range p.Containers() {
			got = append(got, fmt.Sprintf("%s %s", p.ID, c.Image))
		}
	}
	slices.Sort(got)
	want := []string{
		"DaemonSet/chaos-daemon ghcr.io/chaos-mesh/chaos-daemon:v2.8.3",
		"Deployment/chaos-controller-manager ghcr.io/chaos-mesh/chaos-mesh:v2.8.3",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func sparesWhoDidNotAsk(t *testing.T, all []object) {
	t.Helper()
	d := find[*appsv1.Deployment](t, all, "chaos-controller-manager")
	if got := *d.Spec.Replicas; got != 1 {
		t.Errorf("%d replicas, want 1", got)
	}
	env := map[string]string{}
	for _, e := range d.Spec.Template.Spec.Containers[0].Env {
		env[e.Name] = e.Value
	}
	for name, want := range map[string]string{
		"ENABLE_FILTER_NAMESPACE": "true",
		"ENABLE_LEADER_ELECTION":  "false",
		"SECURITY_MODE":           "true",
		"CHAOSD_SECURITY_MODE":    "false",
		"PPROF_ADDR":              "",
		"POD_FAILURE_PAUSE_IMAGE": "registry.k8s.io/pause:3.10.1",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
}

func findsContainerd(t *testing.T, all []object) {
	t.Helper()
	d := find[*appsv1.DaemonSet](t, all, "chaos-daemon")
	command := strings.Join(d.Spec.Template.Spec.Containers[0].Command, " ")
	for _, want := range []string{"--runtime containerd", "--runtime-socket-path /host-run/containerd.sock", "--grpc-port 31767"} {
		if !strings.Contains(command, want) {
			t.Errorf("%s\ndoes not have %s", command, want)
		}
	}
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.Name == "socket-path" && v.HostPath.Path != "/run/containerd" {
			t.Errorf("the socket is looked for in %s", v.HostPath.Path)
		}
	}
}

func daemonIsAlone(t *testing.T, all []object) {
	t.Helper()
	n := network(of[*networkingv1.NetworkPolicy](all))
	who := map[string]pod{
		"a stranger":  {Namespace: "elsewhere"},
		"a neighbour": {Namespace: "chaos-testing"},
		"the outside": {},
	}
	for _, p := range policy.Pods(all) {
		who[p.ID] = p
	}
	const controller, daemon = "Deployment/chaos-controller-manager", "DaemonSet/chaos-daemon"
	for _, tt := range []struct {
		from, to string
		port     int
		want     bool
	}{
		{controller, daemon, 31767, true},
		{controller, daemon, 31766, false},
		{"a stranger", daemon, 31767, false},
		{"a neighbour", daemon, 31767, false},
		{daemon, controller, 10250, false},
		{daemon, "the outside", 443, false},
		{controller, "the outside", 6443, true},
		{controller, "the outside", 80, false},
		{"a stranger", controller, 10080, false},
		{"the outside", controller, 10250, true}, // the API server asks its webhooks
	} {
		if got := n.reaches(who[tt.from], who[tt.to], tt.port); got != tt.want {
			t.Errorf("%s -> %s:%d is %t, want %t", tt.from, tt.to, tt.port, got, tt.want)
		}
	}
}

// chaosExceptions say what Chaos Mesh's pods may do that others may not.
func chaosExceptions() map[policy.Exception]string {
	const controller, daemon = "Deployment/chaos-controller-manager", "DaemonSet/chaos-daemon"
	const noChoice, injects = "its chart sets no security context of the container", "it does faults to the pods of its node, as root in their namespaces"
	return map[policy.Exception]string{
		{Pod: controller, Rule: "has no token of the API server"}:           "it works through the API server",
		{Pod: controller, Rule: "has a root file system that is read-only"}: noChoice,
		{Pod: controller, Rule: "has no capabilities"}:                      noChoice,
		{Pod: controller, Rule: "cannot gain privileges"}:                   noChoice,
		{Pod: daemon, Rule: "is not root"}:                                  injects,
		{Pod: daemon, Rule: "has the runtime's filter of system calls"}:     injects,
		{Pod: daemon, Rule: "keeps out of the node's namespaces"}:           injects,
		{Pod: daemon, Rule: "mounts the node's files read-only"}:            injects,
		{Pod: daemon, Rule: "has a root file system that is read-only"}:     injects,
		{Pod: daemon, Rule: "has no capabilities"}:                          injects,
		{Pod: daemon, Rule: "cannot gain privileges"}:                       injects,
		{Pod: daemon, Rule: "has no token of the API server"}:               "its chart does not say that it needs none",
	}
}

func keepsToRules(t *testing.T, all []object) {
	t.Helper()
	unused := chaosExceptions()
	for _, p := range policy.Pods(all) {
		for _, r := range policy.Rules() {
			problems := r.Check(p)
			if len(problems) == 0 {
				continue
			}
			if unused[policy.Exception{Pod: p.ID, Rule: r.Name}] == "" {
				t.Errorf("%s: a pod %s: this %q", p.ID, r.Name, problems)
			}
			delete(unused, policy.Exception{Pod: p.ID, Rule: r.Name})
		}
	}
	for e := range unused {
		t.Errorf("nothing needs the exception of %s from %q any more", e.Pod, e.Rule)
	}
}

// volatile are the fields that Chaos Mesh's chart makes up anew at each rendering:
// the certificates of its webhooks and of the connection to its daemons, and an
// annotation that restarts the pods for them. Argo CD has to be told to ignore them
// and to leave them alone when it syncs.
func volatile() map[string][]string {
	return map[string][]string{
		"Secret/chaos-mesh-webhook-certs":                           {"data"},
		"Secret/chaos-mesh-daemon-certs":                            {"data"},
		"Secret/chaos-mesh-daemon-client-certs":                     {"data"},
		"Deployment/chaos-controller-manager":                       {"spec.template.metadata.annotations.rollme"},
		"DaemonSet/chaos-daemon":                                    {"spec.template.metadata.annotations.rollme"},
		"MutatingWebhookConfiguration/chaos-mesh-mutation":          {"webhooks.*.clientConfig.caBundle"},
		"ValidatingWebhookConfiguration/chaos-mesh-validation":      {"webhooks.*.clientConfig.caBundle"},
		"ValidatingWebhookConfiguration/chaos-mesh-validation-auth": {"webhooks.*.clientConfig.caBundle"},
	}
}

func changesWhatIsKnown(t *testing.T, first, second map[string]any) {
	t.Helper()
	var changed []string
	for id := range first {
		if !cmp.Equal(first[id], second[id]) {
			changed = append(changed, id)
		}
		for _, path := range volatile()[id] {
			remove(first[id], strings.Split(path, "."))
			remove(second[id], strings.Split(path, "."))
		}
	}
	slices.Sort(changed)
	if d := cmp.Diff(slices.Sorted(maps.Keys(volatile())), changed); d != "" {
		t.Errorf("what changes (-known +seen):\n%s", d)
	}
	if d := cmp.Diff(first, second); d != "" {
		t.Errorf("more changes than is known (-first +second):\n%s", d)
	}
}

// untyped returns documents by kind and name.
func untyped(t *testing.T, docs []document) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, d := range docs {
		var o map[string]any
		if err := yaml.Unmarshal(d.text, &o); err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprintf("%v/%v", o["kind"], child(o, "metadata")["name"])] = o
	}
	return all
}

// remove deletes a field; a star is every element of a list.
func remove(node any, path []string) {
	switch node := node.(type) {
	case map[string]any:
		if len(path) == 1 {
			delete(node, path[0])
			return
		}
		remove(node[path[0]], path[1:])
	case []any:
		for _, element := range node {
			remove(element, path[1:])
		}
	}
}
