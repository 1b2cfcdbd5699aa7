package fault

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/quick"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// platform has five pods that differ in all that a selector looks at.
func platform() []Pod {
	monitor := func(name, node, zone, phase string) Pod {
		return Pod{
			Namespace: "default", Name: name, UID: "uid-" + name, Workload: "deployment/monitor",
			Labels:      map[string]string{"app": "monitor", "tier": "front"},
			Annotations: map[string]string{"chaos": "welcome"},
			Node:        node, NodeLabels: map[string]string{"zone": zone}, Phase: phase,
			Containers: []string{"monitor", "sidecar"},
		}
	}
	return []Pod{
		monitor("monitor-c", "node-2", "b", "Pending"),
		monitor("monitor-a", "node-1", "a", "Running"),
		monitor("monitor-b", "node-1", "a", "Running"),
		{Namespace: "default", Name: "db-0", Labels: map[string]string{"app": "db"}, IP: "10.0.0.7", ServiceAccount: "db", Scheduler: "default-scheduler", RestartPolicy: "Always", Node: "node-3", NodeLabels: map[string]string{"zone": "b"}, Phase: "Running", Containers: []string{"db"}},
		{Namespace: "shop", Name: "monitor-x", Labels: map[string]string{"app": "monitor"}, Phase: "Failed", Containers: []string{"monitor"}},
	}
}

func TestSelectorsMeanWhatTheyMeanInChaosMesh(t *testing.T) {
	type spec = v1alpha1.PodSelectorSpec
	type generic = v1alpha1.GenericSelectorSpec
	app := map[string]string{"app": "monitor"}
	tests := map[string]struct {
		spec spec
		want string // names of pods
	}{
		"labels choose in the default namespace only":         {spec{GenericSelectorSpec: generic{LabelSelectors: app}}, "monitor-a monitor-b monitor-c"},
		"namespaces replace the default one":                  {spec{GenericSelectorSpec: generic{LabelSelectors: app, Namespaces: []string{"shop"}}}, "monitor-x"},
		"several namespaces are all searched":                 {spec{GenericSelectorSpec: generic{LabelSelectors: app, Namespaces: []string{"shop", "default"}}}, "monitor-a monitor-b monitor-c monitor-x"},
		"all labels must match":                               {spec{GenericSelectorSpec: generic{LabelSelectors: map[string]string{"app": "monitor", "tier": "back"}}}, ""},
		"expressions: In":                                     {spec{GenericSelectorSpec: generic{ExpressionSelectors: exprs("app", "In", "db", "cache")}}, "db-0"},
		"expressions: NotIn holds for a label that is absent": {spec{GenericSelectorSpec: generic{ExpressionSelectors: exprs("tier", "NotIn", "front")}}, "db-0"},
		"expressions: Exists":                                 {spec{GenericSelectorSpec: generic{ExpressionSelectors: exprs("tier", "Exists")}}, "monitor-a monitor-b monitor-c"},
		"expressions: DoesNotExist":                           {spec{GenericSelectorSpec: generic{ExpressionSelectors: exprs("tier", "DoesNotExist")}}, "db-0"},
		"annotations":                                         {spec{GenericSelectorSpec: generic{AnnotationSelectors: map[string]string{"chaos": "welcome"}}}, "monitor-a monitor-b monitor-c"},
		"the field metadata.name":                             {spec{GenericSelectorSpec: generic{FieldSelectors: map[string]string{"metadata.name": "db-0"}}}, "db-0"},
		"the field status.phase":                              {spec{GenericSelectorSpec: generic{FieldSelectors: map[string]string{"status.phase": "Pending"}}}, "monitor-c"},
		"the field status.podIP":                              {spec{GenericSelectorSpec: generic{FieldSelectors: map[string]string{"status.podIP": "10.0.0.7"}}}, "db-0"},
		"the fields of a pod's spec": {spec{GenericSelectorSpec: generic{FieldSelectors: map[string]string{
			"spec.nodeName": "node-3", "spec.restartPolicy": "Always", "spec.schedulerName": "default-scheduler", "spec.serviceAccountName": "db",
			"metadata.namespace": "default", "status.nominatedNodeName": "",
		}}}, "db-0"},
		"nodes":                                               {spec{Nodes: []string{"node-1"}}, "monitor-a monitor-b"},
		"labels of nodes":                                     {spec{NodeSelectors: map[string]string{"zone": "b"}}, "db-0 monitor-c"},
		"nodes and their labels are a union":                  {spec{Nodes: []string{"node-1"}, NodeSelectors: map[string]string{"zone": "b"}}, "db-0 monitor-a monitor-b monitor-c"},
		"a plain phase must match":                            {spec{GenericSelectorSpec: generic{LabelSelectors: app}, PodPhaseSelectors: []string{"Running"}}, "monitor-a monitor-b"},
		"one of several plain phases must match":              {spec{GenericSelectorSpec: generic{LabelSelectors: app}, PodPhaseSelectors: []string{"Running", "Pending"}}, "monitor-a monitor-b monitor-c"},
		"no negated phase may match":                          {spec{GenericSelectorSpec: generic{LabelSelectors: app}, PodPhaseSelectors: []string{"!Pending"}}, "monitor-a monitor-b"},
		"without phases, pods that do not run are chosen too": {spec{GenericSelectorSpec: generic{LabelSelectors: app}}, "monitor-a monitor-b monitor-c"},
		"pods decide alone": {spec{
			GenericSelectorSpec: generic{LabelSelectors: map[string]string{"app": "none"}, Namespaces: []string{"none"}},
			Pods:                map[string][]string{"default": {"db-0", "gone"}, "shop": {"monitor-x"}},
		}, "db-0 monitor-x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Select(platform(), Selector{PodSelector: v1alpha1.PodSelector{Selector: tt.spec, Mode: v1alpha1.AllMode}}, "default", seeded(1))
			if tt.want == "" {
				if !errors.Is(err, ErrNoTarget) {
					t.Errorf("error %v, want ErrNoTarget", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, target := range got {
				names = append(names, target.Pod)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("chose %q, want %q", got, tt.want)
			}
		})
	}
}

func exprs(key, op string, values ...string) v1alpha1.LabelSelectorRequirements {
	return v1alpha1.LabelSelectorRequirements{{Key: key, Operator: metav1.LabelSelectorOperator(op), Values: values}}
}

func TestContainersOfAFault(t *testing.T) {
	sel := Selector{
		PodSelector: v1alpha1.PodSelector{
			Mode:     v1alpha1.AllMode,
			Selector: v1alpha1.PodSelectorSpec{Pods: map[string][]string{"default": {"monitor-a", "db-0"}}},
		},
		PerContainer: true,
	}
	tests := map[string]struct {
		names []string
		want  []string
	}{
		"without names, the first of each pod":          {nil, []string{"default/db-0/db", "default/monitor-a/monitor"}},
		"a name hits the pods that have it":             {[]string{"sidecar"}, []string{"default/monitor-a/sidecar"}},
		"several names hit several containers of a pod": {[]string{"sidecar", "monitor"}, []string{"default/monitor-a/monitor", "default/monitor-a/sidecar"}},
		"a name that no pod has is not a target":        {[]string{"proxy"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			sel.ContainerNames = tt.names
			got, err := Select(platform(), sel, "default", seeded(1))
			if tt.want == nil && !errors.Is(err, ErrNoTarget) {
				t.Fatalf("error %v, want ErrNoTarget", err)
			}
			var ids []string
			for _, target := range got {
				ids = append(ids, target.ID())
			}
			if diff := cmp.Diff(tt.want, ids); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a target carries what identifies its pod", func(t *testing.T) {
		sel.ContainerNames = []string{"sidecar"}
		got, err := Select(platform(), sel, "default", seeded(1))
		if err != nil {
			t.Fatal(err)
		}
		want := []Target{{Namespace: "default", Pod: "monitor-a", UID: "uid-monitor-a", Container: "sidecar", Workload: "deployment/monitor"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func replicas(n int) []Pod {
	pods := make([]Pod, n)
	for i := range pods {
		pods[i] = Pod{Namespace: "default", Name: fmt.Sprintf("monitor-%03d", i), Labels: map[string]string{"app": "monitor"}}
	}
	return pods
}

func byMode(mode v1alpha1.SelectorMode, value string) Selector {
	return Selector{PodSelector: v1alpha1.PodSelector{
		Mode: mode, Value: value,
		Selector: v1alpha1.PodSelectorSpec{GenericSelectorSpec: v1alpha1.GenericSelectorSpec{LabelSelectors: map[string]string{"app": "monitor"}}},
	}}
}

func TestModesChooseAsManyAsInChaosMesh(t *testing.T) {
	tests := []struct {
		mode  v1alpha1.SelectorMode
		value string
		pods  int
		want  int // 0 is ErrNoTarget
	}{
		{v1alpha1.OneMode, "", 3, 1},
		{v1alpha1.AllMode, "", 3, 3},
		{v1alpha1.FixedMode, "2", 3, 2},
		{v1alpha1.FixedMode, "5", 3, 3},
		{v1alpha1.FixedPercentMode, "100", 3, 3},
		{v1alpha1.FixedPercentMode, "99", 3, 3},
		{v1alpha1.FixedPercentMode, "67", 3, 3},
		{v1alpha1.FixedPercentMode, "66", 3, 2},
		{v1alpha1.FixedPercentMode, "50", 3, 2},
		{v1alpha1.FixedPercentMode, "34", 3, 2},
		{v1alpha1.FixedPercentMode, "33", 3, 1},
		{v1alpha1.FixedPercentMode, "1", 1, 1},
		{v1alpha1.FixedPercentMode, "1", 99, 1},
		{v1alpha1.FixedPercentMode, "1", 100, 1},
		{v1alpha1.FixedPercentMode, "1", 101, 2},
		{v1alpha1.FixedPercentMode, "29", 100, 29},
		{v1alpha1.FixedPercentMode, "50", 4, 2},
		{v1alpha1.OneMode, "", 0, 0},
		{v1alpha1.AllMode, "", 0, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %s of %d is %d", tt.mode, tt.value, tt.pods, tt.want), func(t *testing.T) {
			got, err := Select(replicas(tt.pods), byMode(tt.mode, tt.value), "default", seeded(1))
			if (tt.want == 0) != errors.Is(err, ErrNoTarget) || (err != nil && tt.want > 0) {
				t.Fatalf("error %v", err)
			}
			if len(got) != tt.want {
				t.Errorf("chose %d", len(got))
			}
		})
	}
}

func TestModesThatMakeNoSenseAreErrors(t *testing.T) {
	for _, s := range []Selector{byMode("some", "1"), byMode("fixed", ""), byMode("fixed", "x"), byMode("fixed", "0"), byMode("fixed-percent", "101")} {
		if got, err := Select(replicas(3), s, "default", seeded(1)); err == nil || errors.Is(err, ErrNoTarget) {
			t.Errorf("mode %s %q: %v, %v", s.Mode, s.Value, got, err)
		}
	}
}

func TestRandomMaxPercentReachesEverythingUpToItsMaximum(t *testing.T) {
	rng := seeded(7)
	seen := map[int]bool{}
	for range 2000 {
		got, err := Select(replicas(10), byMode(v1alpha1.RandomMaxPercentMode, "50"), "default", rng)
		if err != nil && !errors.Is(err, ErrNoTarget) {
			t.Fatal(err)
		}
		seen[len(got)] = true
	}
	if want := map[int]bool{0: true, 1: true, 2: true, 3: true, 4: true, 5: true}; !cmp.Equal(seen, want) {
		t.Errorf("sizes seen: %v, want %v", seen, want)
	}
}

func TestModeOneReachesEveryPodAboutEquallyOften(t *testing.T) {
	rng := seeded(7)
	hits := map[string]int{}
	for range 3000 {
		got, err := Select(replicas(3), byMode(v1alpha1.OneMode, ""), "default", rng)
		if err != nil {
			t.Fatal(err)
		}
		hits[got[0].Pod]++
	}
	for pod, n := range hits {
		if n < 850 || n > 1150 {
			t.Errorf("%s was hit %d times of 3000", pod, n)
		}
	}
	if len(hits) != 3 {
		t.Errorf("only %d pods were ever hit", len(hits))
	}
}

// The choice depends on the set of pods and the seed alone, names each pod once,
// only pods that exist, in order.
func TestSelectIsDeterministicAndChoosesDistinctPodsInOrder(t *testing.T) {
	modes := []string{"one", "all", "fixed", "fixed-percent", "random-max-percent"}
	property := func(seed uint64, count, value, mode uint8) bool {
		pods := replicas(1 + int(count)%40)
		m := modes[int(mode)%len(modes)]
		sel := byMode(v1alpha1.SelectorMode(m), fmt.Sprint(1+int(value)%100))
		first, err1 := Select(pods, sel, "default", seeded(seed))
		shuffled := slices.Clone(pods)
		seeded(seed+1).Shuffle(len(pods), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		second, err2 := Select(shuffled, sel, "default", seeded(seed))
		if (err1 == nil) != (err2 == nil) || !cmp.Equal(first, second) {
			return false
		}
		for i := 1; i < len(first); i++ {
			if first[i-1].Pod >= first[i].Pod {
				return false
			}
		}
		return len(first) <= len(pods)
	}
	if err := quick.Check(property, nil); err != nil {
		t.Error(err)
	}
}

func TestPodsInBackOffAreChosenLast(t *testing.T) {
	pods := []Pod{{Namespace: "n", Name: "a", BackOff: true}, {Namespace: "n", Name: "b"}, {Namespace: "n", Name: "c", BackOff: true}}
	for sentence, tt := range map[string]struct {
		value string
		b     bool
	}{
		"one of three is the one without": {"1", true},
		"all of three are all":            {"3", true},
	} {
		t.Run(sentence, func(t *testing.T) {
			for seed := range uint64(20) {
				var sel Selector
				sel.Mode, sel.Value = "fixed", tt.value
				sel.Selector.Namespaces = []string{"n"}
				got, err := Select(pods, sel, "n", rand.New(rand.NewPCG(seed, 1)))
				if err != nil {
					t.Fatal(err)
				}
				if has := slices.ContainsFunc(got, func(x Target) bool { return x.Pod == "b" }); has != tt.b || strconv.Itoa(len(got)) != tt.value {
					t.Errorf("seed %d: %v", seed, got)
				}
			}
		})
	}
}
