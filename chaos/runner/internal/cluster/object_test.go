package cluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/document"
)

// decoded is a fault as its author wrote it.
func decoded(t *testing.T, text string) fault.Fault {
	t.Helper()
	docs, problems := document.Split("fault.yaml", []byte("apiVersion: chaos-mesh.org/v1alpha1\n"+text))
	if len(problems) > 0 || len(docs) != 1 {
		t.Fatalf("%d documents, %v", len(docs), problems)
	}
	f, wrong := fault.Decode(docs[0])
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return f
}

const partition = `kind: NetworkChaos
metadata: {name: monitor-network-partition, labels: {team: shop}, annotations: {why: drill}}
spec: {action: partition, direction: both, mode: fixed, value: "2", duration: 40s, selector: {labelSelectors: {app: monitor}}, target: {mode: all, selector: {labelSelectors: {app: probe}}}}
`

func TestACreatedObjectIsTheAuthorsBoundToThePlan(t *testing.T) {
	f := decoded(t, partition)
	u, err := objectOf("cut-abc", "cut", "monitor", fault.Planned{
		Fault: f, Targets: []fault.Target{{Namespace: "monitor", Pod: "monitor-a"}}, Peers: []fault.Target{{Namespace: "monitor", Pod: "probe-a"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if u.GetName() != "" || !strings.HasPrefix(u.GetGenerateName(), "monitor-netw") || !strings.HasSuffix(u.GetGenerateName(), "-") || u.GetNamespace() != "monitor" {
		t.Errorf("it is %s, %s* in %s", u.GetName(), u.GetGenerateName(), u.GetNamespace())
	}
	labels := map[string]string{"team": "shop", RunLabel: "cut-abc", ExperimentLabel: "cut", ManagedByLabel: ManagedBy}
	if diff := cmp.Diff(labels, u.GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if a := u.GetAnnotations(); a["why"] != "drill" || a[annotationFault] != "NetworkChaos/monitor-network-partition" {
		t.Errorf("annotations %v", a)
	}
	for path, want := range map[string]any{
		"spec.mode": "all", "spec.target.mode": "all", "spec.duration": "40s", "spec.action": "partition", "spec.direction": "both",
		"spec.selector.pods.monitor": []any{"monitor-a"}, "spec.target.selector.pods.monitor": []any{"probe-a"},
		"kind": "NetworkChaos", "apiVersion": "chaos-mesh.org/v1alpha1",
	} {
		got, _, err := unstructured.NestedFieldNoCopy(u.Object, strings.Split(path, ".")...)
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s is %v, %v; want %v", path, got, err, want)
		}
	}
	if _, ok := u.Object["status"]; ok {
		t.Error("it has a status before it is created")
	}
	if _, err := objectOf("cut-abc", "cut", "monitor", fault.Planned{Fault: f}); !errors.Is(err, fault.ErrNoTarget) {
		t.Errorf("without targets: %v", err)
	}
}

func TestTheAuthorsNamespaceIsKept(t *testing.T) {
	f := decoded(t, "kind: PodChaos\nmetadata: {name: k, namespace: shop}\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: monitor}}}\n")
	u, err := objectOf("r", strings.Repeat("x", 80), "monitor", fault.Planned{Fault: f, Targets: []fault.Target{{Namespace: "shop", Pod: "a"}}})
	if err != nil || u.GetNamespace() != "shop" || u.GetGenerateName() != "k-" || len(u.GetLabels()[ExperimentLabel]) != 63 {
		t.Errorf("%v, %v", u, err)
	}
}
