package fault

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "write the golden files anew")

// decodeText decodes the only document of a text.
func decodeText(tb testing.TB, file, text string) (Fault, []Problem) {
	tb.Helper()
	docs, problems := document.Split(file, []byte(text))
	if len(problems) > 0 || len(docs) != 1 {
		tb.Fatalf("%d documents, problems %v", len(docs), problems)
	}
	return Decode(docs[0])
}

func mustDecode(tb testing.TB, text string) Fault {
	tb.Helper()
	f, problems := decodeText(tb, "fault.yaml", text)
	for _, p := range problems {
		tb.Error(p)
	}
	if len(problems) > 0 {
		tb.FailNow()
	}
	return f
}

// Each file breaks one rule; the golden file beside it is what a person reads.
func TestGoldenInvalidFaultsAreRefusedWithTheirMend(t *testing.T) {
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test documents: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, problems := decodeText(t, filepath.Base(file), string(text))
			if len(problems) == 0 {
				t.Fatal("the fault was accepted")
			}
			var got strings.Builder
			for _, p := range problems {
				got.WriteString(p.String() + "\n")
			}
			golden.Compare(t, strings.TrimSuffix(file, ".yaml")+".golden", got.String(), *update)
		})
	}
}

const header = "apiVersion: chaos-mesh.org/v1alpha1\nkind: "

func TestDecodeFillsTheFault(t *testing.T) {
	labels := v1alpha1.PodSelectorSpec{GenericSelectorSpec: v1alpha1.GenericSelectorSpec{LabelSelectors: map[string]string{"app": "monitor"}}}
	tests := map[string]struct {
		text string
		want Fault
	}{
		"pod-kill is a one-shot of pods": {
			header + "PodChaos\nmetadata: {name: k}\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: monitor}}}\n",
			Fault{
				Kind: "PodChaos", Action: "pod-kill", Name: "k", OneShot: true,
				Selector: Selector{PodSelector: v1alpha1.PodSelector{Mode: "one", Selector: labels}},
			},
		},
		"pod-failure is continuous and keeps its duration and namespace": {
			header + "PodChaos\nmetadata: {name: k, namespace: shop}\nspec: {action: pod-failure, mode: fixed, value: \"2\", duration: 1m30s, selector: {labelSelectors: {app: monitor}, namespaces: [shop]}}\n",
			Fault{
				Kind: "PodChaos", Action: "pod-failure", Name: "k", Namespace: "shop", Duration: 90 * time.Second,
				Selector: Selector{PodSelector: v1alpha1.PodSelector{Mode: "fixed", Value: "2", Selector: v1alpha1.PodSelectorSpec{
					GenericSelectorSpec: v1alpha1.GenericSelectorSpec{LabelSelectors: map[string]string{"app": "monitor"}, Namespaces: []string{"shop"}},
				}}},
			},
		},
		"container-kill is a one-shot of containers": {
			header + "PodChaos\nmetadata: {name: k}\nspec: {action: container-kill, mode: all, containerNames: [a, b], selector: {labelSelectors: {app: monitor}}}\n",
			Fault{
				Kind: "PodChaos", Action: "container-kill", Name: "k", OneShot: true,
				Selector: Selector{
					PodSelector:    v1alpha1.PodSelector{Mode: "all", Selector: labels},
					ContainerNames: []string{"a", "b"}, PerContainer: true,
				},
			},
		},
		"stress is named by its stressors and hits the first container": {
			header + "StressChaos\nmetadata: {name: k}\nspec: {stressors: {memory: {workers: 1, size: 64MB}, cpu: {workers: 2}}, mode: one, selector: {labelSelectors: {app: monitor}}}\n",
			Fault{
				Kind: "StressChaos", Action: "cpu+memory", Name: "k",
				Selector: Selector{PodSelector: v1alpha1.PodSelector{Mode: "one", Selector: labels}, PerContainer: true},
			},
		},
		"a fault on machines of a cloud has no pod selector": {
			header + "AWSChaos\nmetadata: {name: k}\nspec: {action: ec2-restart, awsRegion: r, ec2Instance: i}\n",
			Fault{Kind: "AWSChaos", Action: "ec2-restart", Name: "k", OneShot: true},
		},
		"time offsets have no action": {
			header + "TimeChaos\nmetadata: {name: k}\nspec: {timeOffset: -5m, duration: 10s, mode: one, selector: {labelSelectors: {app: monitor}}}\n",
			Fault{
				Kind: "TimeChaos", Name: "k", Duration: 10 * time.Second,
				Selector: Selector{PodSelector: v1alpha1.PodSelector{Mode: "one", Selector: labels}, PerContainer: true},
			},
		},
		"http faults are named by what they do": {
			header + "HTTPChaos\nmetadata: {name: k}\nspec: {target: Request, port: 80, delay: 1s, abort: true, mode: one, selector: {labelSelectors: {app: monitor}}}\n",
			Fault{
				Kind: "HTTPChaos", Action: "abort+delay", Name: "k",
				Selector: Selector{PodSelector: v1alpha1.PodSelector{Mode: "one", Selector: labels}},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := mustDecode(t, tt.text)
			if got.YAML != tt.text || got.File != "fault.yaml" || got.Line != 1 || got.Object == nil {
				t.Errorf("where it came from was lost: %s:%d %q", got.File, got.Line, got.YAML)
			}
			got.Object, got.YAML, got.File, got.Line = nil, "", "", 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeAppliesTheDefaultsOfTheAPI(t *testing.T) {
	f := mustDecode(t, header+"NetworkChaos\nmetadata: {name: k}\nspec: {action: delay, delay: {latency: 100ms}, mode: one, selector: {labelSelectors: {app: monitor}}}\n")
	n, ok := f.Object.(*v1alpha1.NetworkChaos)
	if !ok {
		t.Fatalf("object is a %T", f.Object)
	}
	if n.Spec.Direction != v1alpha1.To || n.Spec.Delay.Jitter != "0ms" || n.Spec.PartitionBehavior != v1alpha1.DropPartitionBehavior {
		t.Errorf("direction %q, jitter %q, behaviour %q", n.Spec.Direction, n.Spec.Delay.Jitter, n.Spec.PartitionBehavior)
	}
	if len(n.Spec.Selector.Namespaces) != 0 {
		t.Errorf("namespaces %q were made up; whoever creates the object decides", n.Spec.Selector.Namespaces)
	}
}

func TestTheFarEndOfShapedTrafficMayBeANamespace(t *testing.T) {
	f := mustDecode(t, header+"NetworkChaos\nmetadata: {name: k}\nspec: {action: partition, direction: to, mode: one, selector: {labelSelectors: {app: monitor}}, target: {mode: all, selector: {namespaces: [db]}}}\n")
	if f.Selector.Selector.LabelSelectors["app"] != "monitor" {
		t.Errorf("the primary selector is %+v", f.Selector)
	}
}

func TestWithDuration(t *testing.T) {
	continuous := mustDecode(t, header+"PodChaos\nmetadata: {name: k}\nspec: {action: pod-failure, mode: one, selector: {labelSelectors: {app: monitor}}}\n")
	given := mustDecode(t, header+"PodChaos\nmetadata: {name: k}\nspec: {action: pod-failure, duration: 3s, mode: one, selector: {labelSelectors: {app: monitor}}}\n")
	oneShot := mustDecode(t, header+"PodChaos\nmetadata: {name: k}\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: monitor}}}\n")
	tests := map[string]struct {
		fault Fault
		d     time.Duration
		want  string // spec.duration, empty for none
	}{
		"a missing duration is filled":               {continuous, 90 * time.Second, "1m30s"},
		"a part of a millisecond is rounded up":      {continuous, 1500*time.Millisecond + 1, "1.501s"},
		"a given duration is kept":                   {given, time.Minute, "3s"},
		"a one-shot stays without":                   {oneShot, time.Minute, ""},
		"a duration that is not positive is not set": {continuous, 0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := tt.fault.Object.DeepCopyObject()
			got := WithDuration(tt.fault, tt.d)
			if diff := cmp.Diff(before, tt.fault.Object.DeepCopyObject()); diff != "" {
				t.Errorf("the original changed:\n%s", diff)
			}
			text := ""
			if p := *durationOf(got.Object); p != nil {
				text = *p
			}
			if text != tt.want {
				t.Errorf("spec.duration is %q, want %q", text, tt.want)
			}
			if want, _ := time.ParseDuration(tt.want); got.Duration != want {
				t.Errorf("Duration is %s, want %s", got.Duration, want)
			}
		})
	}
}

// Every kind of the pinned API must have its spec.duration where it is looked
// for, and its actions listed: a new version of the API shows here.
func TestEveryKindIsUnderstood(t *testing.T) {
	for kind, known := range v1alpha1.AllKinds() {
		obj, ok := known.SpawnObject().(v1alpha1.InnerObject)
		if !ok {
			t.Errorf("%s is not a fault", kind)
			continue
		}
		if durationOf(obj) == nil {
			t.Errorf("%s has no spec.duration", kind)
		}
		if specField(obj, "Action").IsValid() && len(actionsOf(kind)) == 0 && kind != v1alpha1.KindPhysicalMachineChaos {
			t.Errorf("%s has an action, but its actions are not listed", kind)
		}
	}
}

func TestParseRate(t *testing.T) {
	tests := map[string]float64{
		"1mbps": 1e6, "8mbit": 1e6, "256kbps": 256e3, " 100 kbit ": 12500, "1gbps": 1e9, "8bit": 1, "7bps": 7, "1TBPS": 1e12, "8gbit": 1e9, "8tbit": 1e12,
	}
	for text, want := range tests {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("ParseRate(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "mbps", "0mbps", "-1mbps", "1.5mbps", "1 MB/s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", text, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(header + "PodChaos\nmetadata: {name: k}\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: monitor}}}\n")
	f.Add(header + "PhysicalMachineChaos\nmetadata: {name: k}\nspec: {action: stress-cpu, mode: one, address: [a]}\n")
	f.Add(header + "JVMChaos\nmetadata: {name: k}\nspec: {action: stress, mode: one, selector: {pods: {a: [b]}}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		docs, _ := document.Split("f", []byte(text))
		for _, doc := range docs {
			got, problems := Decode(doc)
			if len(problems) == 0 && (got.Object == nil || got.Name == "") {
				t.Errorf("accepted without content: %+v", got)
			}
			for _, p := range problems {
				if p.Message == "" || p.Line < 1 {
					t.Errorf("a problem that helps no one: %+v", p)
				}
			}
		}
	})
}
