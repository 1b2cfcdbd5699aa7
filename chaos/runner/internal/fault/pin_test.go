package fault

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ballast-sre/ballast/internal/document"
)

func TestAPinnedObjectNamesThePodsThatWereDrawn(t *testing.T) {
	hit := []Target{{Namespace: "a", Pod: "one"}, {Namespace: "a", Pod: "two"}, {Namespace: "b", Pod: "three"}}
	peers := []Target{{Namespace: "c", Pod: "four"}}
	pods := map[string][]string{"a": {"one", "two"}, "b": {"three"}}

	kill := mustDecode(t, header+"PodChaos\nmetadata: {name: k}\nspec: {action: pod-kill, mode: fixed, value: \"3\", selector: {labelSelectors: {app: monitor}, nodes: [node-1]}}\n")
	obj, err := Pinned(kill, hit, nil)
	if err != nil {
		t.Fatal(err)
	}
	pod, ok := obj.(*v1alpha1.PodChaos)
	if !ok {
		t.Fatalf("it is a %T", obj)
	}
	want := v1alpha1.PodSelector{Mode: v1alpha1.AllMode, Selector: v1alpha1.PodSelectorSpec{
		GenericSelectorSpec: v1alpha1.GenericSelectorSpec{Namespaces: []string{"a", "b"}}, Pods: pods,
	}}
	if diff := cmp.Diff(want, pod.Spec.PodSelector); diff != "" {
		t.Errorf("the selector (-want +got):\n%s", diff)
	}
	if was := kill.Object.(*v1alpha1.PodChaos).Spec; was.Mode != v1alpha1.FixedMode || len(was.Selector.Pods) > 0 { //nolint:errcheck,forcetypeassert // it is one
		t.Errorf("the author's object has changed: %+v", was)
	}

	cut := mustDecode(t, header+"NetworkChaos\nmetadata: {name: k}\nspec: {action: partition, direction: both, mode: one, selector: {labelSelectors: {app: monitor}}, target: {mode: all, selector: {labelSelectors: {app: probe}}}}\n")
	if obj, err = Pinned(cut, hit, peers); err != nil {
		t.Fatal(err)
	}
	network, ok := obj.(*v1alpha1.NetworkChaos)
	if !ok || network.Spec.Target == nil {
		t.Fatalf("it is %+v", obj)
	}
	if diff := cmp.Diff(map[string][]string{"c": {"four"}}, network.Spec.Target.Selector.Pods); diff != "" || network.Spec.Target.Mode != v1alpha1.AllMode {
		t.Errorf("the far end, mode %s (-want +got):\n%s", network.Spec.Target.Mode, diff)
	}
	if diff := cmp.Diff(pods, network.Spec.Selector.Pods); diff != "" {
		t.Errorf("who is hit (-want +got):\n%s", diff)
	}

	stress := mustDecode(t, header+"StressChaos\nmetadata: {name: k}\nspec: {mode: one, selector: {labelSelectors: {app: monitor}}, containerNames: [main], stressors: {cpu: {workers: 1}}}\n")
	both := []Target{{Namespace: "a", Pod: "one", Container: "main"}, {Namespace: "a", Pod: "one", Container: "side"}}
	if obj, err = Pinned(stress, both, nil); err != nil {
		t.Fatal(err)
	}
	load, ok := obj.(*v1alpha1.StressChaos)
	if !ok || !cmp.Equal(load.Spec.Selector.Pods, map[string][]string{"a": {"one"}}) || !cmp.Equal(load.Spec.ContainerNames, []string{"main"}) {
		t.Errorf("containers: %+v", obj)
	}
}

// An empty selector means every pod of a namespace.
func TestAnObjectIsNeverPinnedToNothing(t *testing.T) {
	cut := mustDecode(t, header+"NetworkChaos\nmetadata: {name: k}\nspec: {action: partition, direction: both, mode: one, selector: {labelSelectors: {app: monitor}}, target: {mode: all, selector: {labelSelectors: {app: probe}}}}\n")
	one := []Target{{Namespace: "a", Pod: "one"}}
	for name, chosen := range map[string][2][]Target{"without targets": {nil, one}, "without the far end": {one, nil}, "without both": {}} {
		t.Run(name, func(t *testing.T) {
			if obj, err := Pinned(cut, chosen[0], chosen[1]); !errors.Is(err, ErrNoTarget) {
				t.Errorf("%v, %v", obj, err)
			}
		})
	}
}

func TestOnlyTheFarEndOfTrafficIsAPeer(t *testing.T) {
	kill := mustDecode(t, header+"PodChaos\nmetadata: {name: k}\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: monitor}}}\n")
	if s, ok := PeerSelector(kill); ok {
		t.Errorf("a pod-kill has one: %+v", s)
	}
	cut := mustDecode(t, header+"NetworkChaos\nmetadata: {name: k}\nspec: {action: partition, direction: both, mode: one, selector: {labelSelectors: {app: monitor}}, target: {mode: fixed, value: \"2\", selector: {labelSelectors: {app: probe}}}}\n")
	if s, ok := PeerSelector(cut); !ok || s.Mode != v1alpha1.FixedMode || s.Selector.LabelSelectors["app"] != "probe" {
		t.Errorf("a partition: %+v, %t", s, ok)
	}
	cloud := mustDecode(t, header+"AWSChaos\nmetadata: {name: k}\nspec: {action: ec2-stop, duration: 10s, awsRegion: eu, ec2Instance: i-1}\n")
	if SelectsPods(cloud) || !SelectsPods(cut) {
		t.Errorf("pods: a machine of a cloud %t, a partition %t", SelectsPods(cloud), SelectsPods(cut))
	}
}

// What a later version of the API brings beside its faults is not overlooked.
func TestEveryKindThatIsNoFaultIsRefusedWithWhatToUseInstead(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	object := reflect.TypeFor[metav1.Object]()
	for kind, of := range scheme.KnownTypes(v1alpha1.SchemeGroupVersion) {
		_, known := v1alpha1.AllKinds()[kind]
		if known || !reflect.PointerTo(of).Implements(object) {
			continue
		}
		docs, _ := document.Split("f", []byte(header+kind+"\nmetadata: {name: k}\nspec: {}\n"))
		if _, problems := Decode(docs[0]); len(problems) != 1 || !strings.Contains(problems[0].Message, "no run can bound a "+kind) {
			t.Errorf("%s: %v", kind, problems)
		}
	}
}
