package main

import (
	"slices"
	"strings"
	"testing"
)

// have is an environment of objects.
func have(t *testing.T, docs ...string) rendered {
	t.Helper()
	var out rendered
	for _, doc := range docs {
		o, err := parse("test", []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		out.objects = append(out.objects, o)
	}
	return out
}

const (
	deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: ns}, spec: {replicas: 3, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: i:1}]}}}}"
	set        = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s, namespace: ns}, spec: {replicas: 1, template: {spec: {containers: [{name: c, image: i:1}]}}, volumeClaimTemplates: [{metadata: {name: data}}]}}"
	daemons    = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d, namespace: ns}, spec: {template: {spec: {containers: [{name: c, image: i:1}]}}}}"
	pdb        = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a, namespace: ns}, spec: {minAvailable: 2, selector: {matchLabels: {app: a}}}}"
	hpa        = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a, namespace: ns}, spec: {maxReplicas: 7, scaleTargetRef: {kind: Deployment, name: a}}}"
	claim      = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c, namespace: ns}, spec: {resources: {requests: {storage: 1Gi}}}}"
)

func with(doc, old, by string) string { return strings.Replace(doc, old, by, 1) }

func TestHowFarAChangeReaches(t *testing.T) {
	newer := with(deployment, "i:1", "i:2")
	for name, tc := range map[string]struct {
		before, after []string
		reach, data   string
	}{
		"nothing":                          {[]string{deployment}, []string{deployment}, "", ""},
		"an image, guarded by a budget":    {[]string{deployment, pdb}, []string{newer, pdb}, "- Deployment/ns/a: all pods are replaced, 3 replicas; PodDisruptionBudget/ns/a keeps 2 available", ""},
		"an image, guarded by nothing":     {[]string{deployment}, []string{newer}, "- Deployment/ns/a: all pods are replaced, 3 replicas; no disruption budget", ""},
		"an image of what is scaled":       {[]string{deployment, hpa}, []string{newer, hpa}, "- Deployment/ns/a: all pods are replaced, 1 to 7 replicas; no disruption budget", ""},
		"a workload that is scaled comes":  {nil, []string{deployment, with(hpa, "maxReplicas: 7", "minReplicas: 2, maxReplicas: 7")}, "- Deployment/ns/a: is new, with 2 to 7 replicas; no disruption budget\n- HorizontalPodAutoscaler/ns/a: not scaled → 2 to 7 replicas", ""},
		"more replicas where it is scaled": {[]string{deployment, hpa}, []string{deployment, with(hpa, "maxReplicas: 7", "maxReplicas: 9")}, "- HorizontalPodAutoscaler/ns/a: 1 to 7 replicas → 1 to 9 replicas", ""},
		"another threshold of scaling":     {[]string{deployment, hpa}, []string{deployment, with(hpa, "name: a,", "name: a, labels: {x: z},")}, "", ""},
		"an autoscaler of something else":  {[]string{deployment, with(hpa, "name: a}}", "name: b}}")}, []string{newer, with(hpa, "name: a}}", "name: b}}")}, "- Deployment/ns/a: all pods are replaced, 3 replicas; no disruption budget", ""},
		"a budget of other pods":           {[]string{deployment}, []string{newer, with(pdb, "app: a", "app: b")}, "- Deployment/ns/a: all pods are replaced, 3 replicas; no disruption budget", ""},
		"a budget of another namespace":    {[]string{deployment}, []string{newer, with(pdb, "namespace: ns", "namespace: m")}, "- Deployment/ns/a: all pods are replaced, 3 replicas; no disruption budget", ""},
		"fewer replicas":                   {[]string{deployment}, []string{with(deployment, "replicas: 3", "replicas: 1")}, "- Deployment/ns/a: no pod is replaced, 3 replicas → 1 replica", ""},
		"a label of the deployment alone":  {[]string{deployment}, []string{with(deployment, "{name: a,", "{name: a, labels: {x: z},")}, "- Deployment/ns/a: no pod is replaced", ""},
		"a workload that goes":             {[]string{deployment}, nil, "- Deployment/ns/a: goes, with 3 replicas", ""},
		"a workload that comes":            {nil, []string{daemons}, "- DaemonSet/ns/d: is new, with one on each node; no disruption budget", ""},
		"an image of what keeps data":      {[]string{set}, []string{with(set, "i:1", "i:2")}, "- StatefulSet/ns/s: all pods are replaced, 1 replica; no disruption budget", "- StatefulSet/ns/s: its pods are replaced and read the data that are there"},
		"claims of what keeps data":        {[]string{set}, []string{with(set, "name: data", "name: other")}, "- StatefulSet/ns/s: no pod is replaced", "- StatefulSet/ns/s: its claims change, which Kubernetes refuses"},
		"what keeps data goes":             {[]string{set}, nil, "- StatefulSet/ns/s: goes, with 1 replica", "- StatefulSet/ns/s goes; its claims stay, without anybody who reads them"},
		"a claim that goes":                {[]string{claim}, nil, "", "- PersistentVolumeClaim/ns/c goes, and what it holds with it"},
		"a claim that grows":               {[]string{claim}, []string{with(claim, "1Gi", "2Gi")}, "", "- PersistentVolumeClaim/ns/c changes"},
		"a claim that comes":               {nil, []string{claim}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := have(t, tc.before...), have(t, tc.after...)
			changes := compare(before, after)
			if got := strings.Join(reaches(changes, before, after), "\n"); got != tc.reach {
				t.Errorf("it reaches %q, want %q", got, tc.reach)
			}
			if got := strings.Join(data(changes), "\n"); got != tc.data {
				t.Errorf("data: %q, want %q", got, tc.data)
			}
		})
	}
}

// A commit is read by more people than a Secret is.
func TestASecretShowsThatItChangesAndNotWhat(t *testing.T) {
	secret := func(value string) string {
		return "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: ns}, stringData: {password: " + value + "}, data: {token: " + value + "}}"
	}
	lines, err := difference(t.Context(), compare(have(t, secret("hunter2")), have(t, secret("swordfish"))), 100)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(lines, "\n")
	if strings.Contains(all, "hunter2") || strings.Contains(all, "swordfish") || !strings.Contains(all, "+  password: sha256 ") {
		t.Errorf("%s", all)
	}
}

func TestAnObjectWithoutANameIsRefused(t *testing.T) {
	for _, doc := range []string{"kind: X", "metadata: {name: x}", "{", "a: 1\na: 2\n"} {
		if _, err := parse("test", []byte(doc)); err == nil {
			t.Errorf("%q is an object", doc)
		}
	}
}

func TestImagesAreThoseOfEveryContainer(t *testing.T) {
	doc := with(deployment, "containers:", "initContainers: [{name: init, image: i:0}], containers:")
	got := imageLines(images(have(t)), images(have(t, doc, pdb)))
	want := []string{"- Deployment/ns/a c: none → i:1", "- Deployment/ns/a init: none → i:0"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
