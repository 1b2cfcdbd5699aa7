package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/capability"
)

// owned is a pod of a replica set of the deployment monitor, or of nothing.
func owned(name string, by string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := podWith(name, change...)
	p.Name, p.Labels = name, map[string]string{"app": "monitor"}
	if by != "" {
		yes := true
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: by, Controller: &yes}}
	}
	return p
}

// platform is a cluster with these objects in its namespace monitor, whose API server
// answers.
func platform(t *testing.T, objects ...runtime.Object) *Target {
	t.Helper()
	yes, three := true, int32(3)
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
		Namespace: "monitor", Name: "monitor-1", OwnerReferences: []metav1.OwnerReference{{Kind: "Deployment", Name: "monitor", Controller: &yes}},
	}}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Namespace: "monitor", Name: "monitor", Annotations: map[string]string{trackingAnnotation: "shop:apps/Deployment:monitor/monitor"},
	}, Spec: appsv1.DeploymentSpec{Replicas: &three}}
	client := fake.NewClientset(append(objects, set, deployment)...)
	ctx, cancel := context.WithCancel(t.Context())
	c := &Cluster{
		Connection: &Connection{Kubernetes: client}, cfg: Config{Namespace: "monitor", Logger: quiet}, ctx: ctx, cancel: cancel,
		inventories: map[string]*inventory{}, pulse: newPulse(nil), rng: rand.New(rand.NewPCG(1, 1)),
	}
	t.Cleanup(c.Close)
	return c.Target("run", "drill", nil)
}

func three() []runtime.Object {
	return []runtime.Object{owned("a", "monitor-1"), owned("b", "monitor-1"), owned("c", "monitor-1", unready)}
}

const killTwo = "kind: PodChaos\nmetadata: {name: k}\nspec: {action: pod-kill, mode: fixed, value: \"2\", selector: {labelSelectors: {app: monitor}}}\n"

func TestTheRunnerDrawsTheTargetsOfAPlan(t *testing.T) {
	target := platform(t, append(three(), owned("d", "monitor-1", leaving))...)
	plan, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, killTwo)})
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Faults[0]
	if len(p.Targets) != 2 || p.Ready["deployment/monitor"] != 2 {
		t.Errorf("targets %v, ready %v", p.Targets, p.Ready)
	}
	for _, hit := range p.Targets {
		if hit.UID == "" || hit.Workload != "deployment/monitor" || hit.Pod == "d" {
			t.Errorf("target %+v", hit)
		}
	}
	health, err := target.Health(t.Context(), plan)
	if err != nil || len(health) != 1 || health[0] != (fault.Health{Workload: "deployment/monitor", Wanted: 3, Ready: 2}) {
		t.Errorf("health %+v, %v", health, err)
	}
	touched, err := target.Touched(t.Context(), []fault.Fault{decoded(t, killTwo)})
	if err != nil || !slices.Equal(touched, []string{"monitor/deployment/monitor"}) {
		t.Errorf("touched %q, %v", touched, err)
	}
}

func TestWhatCannotBeDoneIsRefusedBeforeAnythingIsCreated(t *testing.T) {
	target := platform(t, append(three(), owned("stranger", "", func(p *corev1.Pod) { p.Namespace = "elsewhere" }))...)
	network := func(spec string) string {
		return "kind: NetworkChaos\nmetadata: {name: k}\nspec: {" + spec + ", mode: one, selector: {labelSelectors: {app: monitor}}}\n"
	}
	for name, tc := range map[string]struct {
		text string
		err  error
		says string
	}{
		"nothing matches":                   {strings.Replace(killTwo, "app: monitor", "app: none", 1), fault.ErrNoTarget, "none of 3 pods"},
		"a duplicate, which no one sees":    {network("action: duplicate, duplicate: {duplicate: \"50\"}"), fault.ErrNotInjectable, "nothing here can show duplicate"},
		"traffic with strangers":            {network("action: partition, direction: to, externalTargets: [example.com]"), fault.ErrNotInjectable, "example.com"},
		"traffic with itself":               {network("action: partition, direction: both, target: {mode: all, selector: {labelSelectors: {app: monitor}}}"), fault.ErrNotInjectable, "neither the load generator nor Prometheus"},
		"another cluster":                   {strings.Replace(killTwo, "action:", "remoteCluster: far, action:", 1), fault.ErrNotInjectable, "names another cluster, far"},
		"a machine of a cloud":              {"kind: AWSChaos\nmetadata: {name: k}\nspec: {action: ec2-stop, duration: 10s, awsRegion: eu, ec2Instance: i-1}\n", fault.ErrNotInjectable, `AWSChaos selects machines, not pods: it keeps its selector, {"awsRegion":"eu","ec2Instance":"i-1"}`},
		"a machine of another cloud":        {"kind: GCPChaos\nmetadata: {name: k}\nspec: {action: node-stop, duration: 10s, project: p, zone: z, instance: vm}\n", fault.ErrNotInjectable, `{"project":"p","zone":"z","instance":"vm"}`},
		"a machine of a third cloud":        {"kind: AzureChaos\nmetadata: {name: k}\nspec: {action: vm-stop, duration: 10s, subscriptionID: s, resourceGroupName: g, vmName: vm}\n", fault.ErrNotInjectable, `"vmName":"vm"`},
		"a machine of nobody":               {"kind: PhysicalMachineChaos\nmetadata: {name: k}\nspec: {action: process, mode: one, duration: 10s, address: [\"http://10.0.0.1:31767\"], process: {process: p, signal: 9}}\n", fault.ErrNotInjectable, `10.0.0.1:31767`},
		"an I/O latency, which no one sees": {"kind: IOChaos\nmetadata: {name: k}\nspec: {action: latency, mode: one, selector: {labelSelectors: {app: monitor}}, volumePath: /data, delay: 100ms, percent: 100}\n", fault.ErrNotInjectable, "nothing outside of the injector sees how long a pod's files take"},
		"a share of memory":                 {"kind: StressChaos\nmetadata: {name: k}\nspec: {stressors: {memory: {workers: 1, size: 50%}}, mode: one, selector: {labelSelectors: {app: monitor}}}\n", fault.ErrNotInjectable, "give stressors.memory.size in bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			if plan, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, tc.text)}); !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%+v, %v", plan, err)
			}
		})
	}
}

func TestAPlanSaysWhatStandsInForAProgramOfChaosMesh(t *testing.T) {
	const memory = "kind: StressChaos\nmetadata: {name: k}\nspec: {stressors: {memory: {workers: 1, size: 32MB}}, mode: one, selector: {labelSelectors: {app: monitor}}}\n"
	target := platform(t, three()...)
	document := capability.Document{}
	for _, n := range capability.Names() {
		document = document.With(capability.Fact{Name: n, Present: true, Detail: string(n) + " of Ballast"})
	}
	for name, tc := range map[string]struct {
		document *capability.Document
		text     string
		says     string
	}{
		"Ballast's own memStress":   {&document, memory, "Ballast's own memStress"},
		"nothing":                   {&document, killTwo, ""},
		"nothing that is published": {nil, memory, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target.capabilities = tc.document
			plan, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, tc.text)})
			if err != nil {
				t.Fatal(err)
			}
			if got := plan.Faults[0].Emulated; (tc.says == "") != (got == "") || !strings.Contains(got, tc.says) {
				t.Errorf("%q", got)
			}
		})
	}
}

// An object may be in another namespace than the pods that it hits.
func TestObjectsAreLookedForWhereTheyAreCreated(t *testing.T) {
	target := platform(t, three()...)
	text := strings.NewReplacer("{name: k}", "{name: k, namespace: drills}", "labelSelectors", "namespaces: [monitor], labelSelectors").Replace(killTwo)
	if _, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, text)}); err != nil {
		t.Fatal(err)
	}
	if got := target.namespaces(); !slices.Equal(got, []string{"drills", "monitor"}) {
		t.Errorf("it looks in %q", got)
	}
}

func TestAPodThatIsGoneSinceItWasPlannedIsNoticed(t *testing.T) {
	target := platform(t, three()...)
	plan, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, killTwo)})
	if err != nil {
		t.Fatal(err)
	}
	now := snapshot{pods: map[string]*corev1.Pod{}}
	if err := present(plan, now); !errors.Is(err, fault.ErrNoTarget) {
		t.Errorf("all are gone: %v", err)
	}
	first := plan.Faults[0].Targets[0].UID
	now.pods[first] = podWith(first)
	if err := present(plan, now); !errors.Is(err, fault.ErrPartial) || !strings.Contains(err.Error(), plan.Faults[0].Targets[1].ID()) {
		t.Errorf("one is gone: %v", err)
	}
	second := plan.Faults[0].Targets[1].UID
	now.pods[second] = podWith(second, leaving)
	if err := present(plan, now); !errors.Is(err, fault.ErrPartial) {
		t.Errorf("one is leaving: %v", err)
	}
	now.pods[second] = podWith(second)
	if err := present(plan, now); err != nil {
		t.Errorf("all are there: %v", err)
	}
}

func TestAdviceNamesWhatMakesAWorkloadFragile(t *testing.T) {
	allowed := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitor", Name: "budget"},
		Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "monitor"}}},
		Status:     policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: 1},
	}
	scaled := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitor", Name: "scaler"},
		Spec:       autoscalingv2.HorizontalPodAutoscalerSpec{ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "monitor"}},
	}
	open := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "monitor", Annotations: map[string]string{injectAnnotation: "enabled"}}}
	closed := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "monitor"}}
	for name, tc := range map[string]struct {
		objects []runtime.Object
		says    []string
		not     []string
	}{
		"without a budget, in a namespace that is closed": {append(three(), closed), []string{"lacks the annotation chaos-mesh.org/inject", "no disruption budget", "container monitor of deployment/monitor has no readiness probe"}, []string{"autoscaler"}},
		"with a budget that is smaller than the fault":    {append(three(), open, allowed), []string{"budget of deployment/monitor allows 1 pods to be away, and PodChaos/k hits 2"}, []string{"lacks the annotation", "no disruption budget"}},
		"with an autoscaler":                              {append(three(), open, scaled), []string{"the autoscaler scaler"}, nil},
		"with pods of nobody":                             {[]runtime.Object{open, owned("x", ""), owned("y", "")}, []string{"pod x has no owner", "pod/y has one replica"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			target := platform(t, tc.objects...)
			plan, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, killTwo)})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(target.Advice(t.Context(), plan), "\n")
			for _, s := range tc.says {
				if !strings.Contains(got, s) {
					t.Errorf("it does not say %q:\n%s", s, got)
				}
			}
			for _, s := range tc.not {
				if strings.Contains(got, s) {
					t.Errorf("it says %q:\n%s", s, got)
				}
			}
		})
	}
}

func TestHealthSaysWhyAPodIsNotStarted(t *testing.T) {
	waitingFor := func(reason, message string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			unready(p)
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}
		}
	}
	for name, tt := range map[string]struct {
		change func(*corev1.Pod)
		want   string
	}{
		"the kubelet waits longer after each restart": {
			waitingFor("CrashLoopBackOff", "back-off 1m20s restarting failed container=monitor pod=c_monitor(6ba7)"), "c waits: CrashLoopBackOff, back-off 1m20s",
		},
		"an image that is not there": {waitingFor("ErrImagePull", "not found"), "c waits: ErrImagePull"},
		"a reason that is missing":   {waitingFor("", ""), ""},
		"it runs and is not ready":   {unready, ""},
		"it is ready":                {func(*corev1.Pod) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := platform(t, owned("a", "monitor-1"), owned("c", "monitor-1", tt.change))
			plan, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, strings.Replace(killTwo, `"2"`, `"1"`, 1))})
			if err != nil {
				t.Fatal(err)
			}
			health, err := target.Health(t.Context(), plan)
			if err != nil || len(health) != 1 || health[0].Waiting != tt.want {
				t.Errorf("health %+v, %v; want %q", health, err, tt.want)
			}
		})
	}
}
