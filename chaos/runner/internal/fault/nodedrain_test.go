package fault

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const drain = "apiVersion: ballast.dev/v1alpha1\nkind: NodeDrain\nmetadata: {name: drain, namespace: shop}\nspec: {mode: one, selector: {labelSelectors: {app: monitor}}}\n"

func TestADrainIsReadAsAFaultOfChaosMeshIs(t *testing.T) {
	f := mustDecode(t, drain)
	if f.ID() != "NodeDrain/drain" || f.Namespace != "shop" || f.Action != "" || !f.OneShot || f.Duration != 0 || !Own(f) || !SelectsPods(f) {
		t.Errorf("%+v", f)
	}
	if diff := cmp.Diff(map[string]string{"app": "monitor"}, f.Selector.Selector.LabelSelectors); diff != "" || f.Selector.Mode != "one" || f.Selector.PerContainer || !slices.Equal(f.Selector.Selector.Namespaces, []string{"shop"}) {
		t.Errorf("%+v %s", f.Selector, diff)
	}
	if _, ok := PeerSelector(f); ok || RemoteCluster(f) != "" {
		t.Error("it has a far end or another cluster")
	}
	if again := WithDuration(f, time.Minute); again.Duration != 0 {
		t.Errorf("it lasts %s", again.Duration)
	}
	pinned, err := Pinned(f, []Target{{Namespace: "shop", Pod: "a"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.Object, mustDecode(t, drain).Object); diff != "" {
		t.Errorf("pinning a copy changed the fault:\n%s", diff)
	}
	if got := selectorsOf(pinned)[0].pods.Selector.Pods["shop"]; len(got) != 1 || got[0] != "a" {
		t.Errorf("it is bound to %v", got)
	}
}

func TestADrainIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, says string }{
		"of another version":            {"v1alpha1", "v2", "want chaos-mesh.org/v1alpha1, got"},
		"as a fault of Chaos Mesh":      {"ballast.dev/v1alpha1", "chaos-mesh.org/v1alpha1", `unknown kind "NodeDrain"`},
		"of a kind that there is not":   {"kind: NodeDrain", "kind: NodeDrian", "NodeDrain"},
		"that lasts":                    {"mode: one", "duration: 10s, mode: one", "duration"},
		"of every pod of the namespace": {"labelSelectors: {app: monitor}", "", "it would select every pod"},
		"without a mode":                {"mode: one, ", "", "missing; give one of"},
		"without a name":                {"name: drain, ", "", "name the fault"},
		"of a machine":                  {"mode: one", "nodeName: a, mode: one", "nodeName"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := decodeText(t, "fault.yaml", strings.Replace(drain, tc.from, tc.to, 1))
			if len(problems) == 0 || !strings.Contains(problems[0].String(), tc.says) {
				t.Errorf("%v", problems)
			}
		})
	}
}
