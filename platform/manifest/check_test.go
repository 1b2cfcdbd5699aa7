package manifest

import (
	"strings"
	"testing"

	"k8s.io/pod-security-admission/api"

	"github.com/ballast-sre/ballast/platform/policy"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: x, labels: {a: b}}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
        - name: c
          image: i:1
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: http}}
          resources: {requests: {cpu: 50m}, limits: {cpu: 100m}}
          volumeMounts: [{name: v, mountPath: /v}]
      volumes: [{name: v, emptyDir: {}}]
      tolerations: [{key: k, operator: Exists, effect: NoSchedule}]
      topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, nodeTaintsPolicy: Honor}
`

func decodeOne(t testing.TB, text string) (policy.Object, error) {
	t.Helper()
	s, err := policy.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	return policy.Decode(s, []byte(text))
}

// Each row is one replacement in an object that is right.
func TestWhatTheAPIServerRefuses(t *testing.T) {
	const (
		service = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{name: http, port: 80}], selector: {a: b}}"
		hpa     = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: x}\nspec:\n  scaleTargetRef: {kind: Deployment, name: x}\n  minReplicas: 3\n  maxReplicas: 9\n  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]"
		pdb     = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\nspec: {maxUnavailable: 1, selector: {matchLabels: {a: b}}}"
		network = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/16}}, {podSelector: {}}]}]}"
		monitor = "apiVersion: azmonitoring.coreos.com/v1\nkind: PodMonitor\nmetadata: {name: x}\nspec: {selector: {}, podMetricsEndpoints: [{interval: 15s, relabelings: [{action: keep}]}]}"
		scraped = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: x}\nspec: {selector: {}, endpoints: [{interval: 15s, relabelings: [{action: keep}]}]}"
		cron    = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}"
	)
	long := strings.Repeat("x", 64)
	for name, tt := range map[string]struct{ object, old, by, says string }{
		"a name that is none":                       {deployment, "name: x,", "name: X_y,", "metadata.name"},
		"no name":                                   {deployment, "name: x, ", "", "metadata.name"},
		"a label beyond its limit":                  {deployment, "labels: {a: b}}\nspec", "labels: {a: " + long + "}}\nspec", "metadata.labels"},
		"a label of a pod beyond its limit":         {deployment, "    metadata: {labels: {a: b}}", "    metadata: {labels: {a: b, c: " + long + "}}", "spec.template.metadata.labels"},
		"an annotation whose key is none":           {deployment, "labels: {a: b}}\nspec", "annotations: {'a b': c}}\nspec", "metadata.annotations"},
		"a selector of other pods":                  {deployment, "matchLabels: {a: b}", "matchLabels: {a: c}", "does not match template"},
		"two containers of one name":                {deployment, "      volumes:", "        - {name: c, image: i}\n      volumes:", `uplicate`},
		"a container without an image":              {deployment, "          image: i:1\n", "", "image"},
		"a container whose name is none":            {deployment, "name: c\n", "name: C\n", "containers[0].name"},
		"a port that there cannot be":               {deployment, "containerPort: 8080", "containerPort: 80800", "containerPort"},
		"a port whose name is too long":             {deployment, "{name: http, containerPort", "{name: abcdefghijklmnopq, containerPort", "ports[0].name"},
		"a probe of a port that there is not":       {deployment, "port: http}", "port: web}", `Not found: "web"`},
		"a probe in two ways":                       {deployment, "port: http}}", "port: http}, tcpSocket: {port: 1}}", "2 handler types"},
		"a request beyond its limit":                {deployment, "cpu: 50m", "cpu: 200m", "must be less than or equal to its limit"},
		"a volume that there is not":                {deployment, "volumes: [{name: v,", "volumes: [{name: w,", `Not found: "v"`},
		"a volume twice at one place":               {deployment, "[{name: v, mountPath: /v}]", "[{name: v, mountPath: /v}, {name: v, mountPath: /v}]", "mountPath"},
		"a toleration of an operator that is none":  {deployment, "operator: Exists", "operator: Is", "tolerations[0].operator"},
		"a toleration of nothing":                   {deployment, "key: k, operator: Exists", "operator: Equal", "must be Exists"},
		"a toleration with a value too many":        {deployment, "operator: Exists", "operator: Exists, value: v", "must be empty"},
		"a spread that there is not":                {deployment, "whenUnsatisfiable: DoNotSchedule", "whenUnsatisfiable: Sometimes", "whenUnsatisfiable"},
		"a spread without a skew":                   {deployment, "maxSkew: 1", "maxSkew: 0", "maxSkew"},
		"a spread that taints confuse":              {deployment, "nodeTaintsPolicy: Honor", "nodeTaintsPolicy: Obey", "nodeTaintsPolicy"},
		"a Service's name that begins with a digit": {service, "name: x}", "name: 1x}", "metadata.name"},
		"a Service of a type that there is not":     {service, "type: LoadBalancer", "type: Balancer", "spec.type"},
		"a policy of outside inside":                {service, "type: LoadBalancer", "type: ClusterIP", "externally-accessible"},
		"one port twice":                            {service, "ports: [{name: http, port: 80}]", "ports: [{name: a, port: 80}, {name: b, port: 80}]", "uplicate"},
		"a port of a Service that cannot be":        {service, "port: 80", "port: 0", "spec.ports[0].port"},
		"more at least than at most":                {hpa, "minReplicas: 3", "minReplicas: 10", "maxReplicas"},
		"none at least":                             {hpa, "minReplicas: 3", "minReplicas: 0", "minReplicas"},
		"a metric of a type that there is not":      {hpa, "{type: Resource,", "{type: Resources,", "metrics[0].type"},
		"a budget that says two things":             {pdb, "maxUnavailable: 1", "maxUnavailable: 1, minAvailable: 1", "minAvailable and maxUnavailable"},
		"a network that is none":                    {network, "10.0.0.0/16", "10.0.0.1/16", "ipBlock.cidr"},
		"a peer that is two":                        {network, "{podSelector: {}}]}]", "{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]", "may not specify both"},
		"an interval that is none":                  {monitor, "interval: 15s", "interval: 15 s", "podMetricsEndpoints[0].interval"},
		"an action that there is not":               {monitor, "action: keep", "action: retain", "relabelings[0].action"},
		"an interval of a Service's that is none":   {scraped, "interval: 15s", "interval: often", "endpoints[0].interval"},
		"a CronJob whose Jobs have no name":         {cron, "name: x}", "name: " + long[:53] + "}", "metadata.name"},
	} {
		t.Run(name, func(t *testing.T) {
			right, err := decodeOne(t, tt.object)
			if err != nil {
				t.Fatal(err)
			}
			if found := Check(right); len(found) > 0 {
				t.Fatalf("what is right is refused: %v", found)
			}
			if !strings.Contains(tt.object, tt.old) {
				t.Fatalf("it does not say %q", tt.old)
			}
			o, err := decodeOne(t, strings.Replace(tt.object, tt.old, tt.by, 1))
			if err != nil {
				t.Fatal(err)
			}
			if got := Check(o).ToAggregate(); got == nil || !strings.Contains(got.Error(), tt.says) {
				t.Errorf("want %q: %v", tt.says, got)
			}
		})
	}
}

func TestWhatTemplatesPrintWrongIsSaid(t *testing.T) {
	s, err := policy.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	all, problems := Decode(s, map[string]string{
		"c/templates/NOTES.txt": "{not yaml",
		"c/templates/a.yaml":    deployment + "---\n# nothing\n",
		"c/templates/b.yaml":    "apiVersion: v1\nkind: Pond\nmetadata: {name: x}\n",
		"c/templates/c.yaml":    "a: [",
	})
	if len(all) != 1 || all[0].Kind() != "Deployment x" || all[0].Template != "c/templates/a.yaml" {
		t.Errorf("%v", all)
	}
	if len(problems) != 2 || problems[0].File != "c/templates/b.yaml" || !strings.Contains(problems[1].Message, "it prints no YAML") {
		t.Errorf("%v", problems)
	}
}

func TestNamespacesRefusePods(t *testing.T) {
	security, err := NewSecurity()
	if err != nil {
		t.Fatal(err)
	}
	o, err := decodeOne(t, deployment)
	if err != nil {
		t.Fatal(err)
	}
	p := policy.Pods([]policy.Object{o})[0]
	if detail := security.Forbids(api.LevelBaseline, p); detail != "" {
		t.Errorf("baseline: %s", detail)
	}
	if detail := security.Forbids(api.LevelRestricted, p); !strings.Contains(detail, "runAsNonRoot") {
		t.Errorf("restricted: %s", detail)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(deployment)
	f.Add("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {}\n")
	f.Add("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {ingress: [{from: [{}]}]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := decodeOne(t, text)
		if err == nil {
			Check(o)
		}
	})
}
