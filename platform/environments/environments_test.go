package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/tests/mutant"
)

// TestMain silences the loader of charts, which logs every link that it follows.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

var checkout = filepath.Join("..", "..")

// call runs the program as a person does.
func call(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

func TestEveryEnvironmentIsValid(t *testing.T) {
	code, stdout, stderr := call("--root=" + checkout)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d:\n%s", code, stderr)
	}
	for _, name := range []string{"dev", "prod", "sandbox", "staging"} {
		if !strings.Contains(stdout, name+" is valid: ") {
			t.Errorf("nothing is said of %s:\n%s", name, stdout)
		}
	}
	// What was not looked at is not called valid.
	if !strings.Contains(stdout, "not checked: chaos: chart chaos-mesh 2.8.3 of https://charts.chaos-mesh.org") {
		t.Errorf("Chaos Mesh's own chart is not at hand, and nobody says so:\n%s", stdout)
	}
}

func TestCommandLinesThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"an environment that there is not":         {[]string{"--root=" + checkout, "moon"}, `there is no environment "moon"; there are dev, prod, sandbox, staging`},
		"a path in place of a name":                {[]string{"--root=" + checkout, "../bootstrap"}, `there is no environment "../bootstrap"`},
		"one that there is beside one that is not": {[]string{"--root=" + checkout, "dev", "moon"}, `there is no environment "moon"`},
		"a checkout that is not there":             {[]string{"--root=" + filepath.Join(checkout, "absent")}, "--root: "},
		"a flag that there is not":                 {[]string{"--strict"}, "unknown flag: --strict"},
		"a dependency without its directory":       {[]string{"--dependency=chaos-mesh"}, "--dependency"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := call(tt.args...)
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, tt.says) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
		})
	}
}

// mutated is the checkout with one text replaced.
func mutated(t *testing.T, file, old, by string) string {
	t.Helper()
	root := t.TempDir()
	absolute, err := filepath.Abs(checkout)
	if err != nil {
		t.Fatal(err)
	}
	// What it does not change, and what charts link to, is that of the checkout.
	changed, _, _ := strings.Cut(file, "/")
	changed = filepath.Join("platform", changed)
	if err := os.CopyFS(filepath.Join(root, changed), os.DirFS(filepath.Join(absolute, changed))); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"platform/argocd", "platform/helm", "platform/terraform", "alerts", "dashboards", "chaos"} {
		if part = filepath.FromSlash(part); part == changed {
			continue
		}
		if err := os.Symlink(filepath.Join(absolute, part), filepath.Join(root, part)); err != nil {
			t.Fatal(err)
		}
	}
	mutant.Edit(t, filepath.Join(root, "platform", filepath.FromSlash(file)), old, by)
	return root
}

func TestWhatAClusterWouldRefuseIsFound(t *testing.T) {
	const (
		service  = "helm/monitor/templates/service.yaml"
		hpa      = "helm/monitor/templates/hpa.yaml"
		workload = "helm/monitor/templates/workload.yaml"
		shared   = "helm/shared/_ballast.tpl"
		set      = "argocd/bootstrap/environments.yaml"
		outputs  = "terraform/modules/environment/outputs.tf"
		envs     = "argocd/environments/"
	)
	long := strings.Repeat("x", 64)
	for name, tt := range map[string]struct{ environment, file, old, by, says string }{
		// The API server.
		"a field that there is not":           {"staging", hpa, "minReplicas:", "minReplicaz:", `unknown field "spec.minReplicaz"`},
		"a value of another type":             {"staging", hpa, "maxReplicas: {{ $.Values.autoscaling.maxReplicas }}", "maxReplicas: many", "the API server would not take it as it is meant"},
		"a label beyond its limit":            {"prod", shared, `"app.kubernetes.io/part-of" "ballast"`, `"app.kubernetes.io/part-of" "` + long + `"`, "must be no more than 63"},
		"a port that is there twice":          {"dev", service, "  selector:\n", "    - {name: http, port: 80, targetPort: http, protocol: TCP}\n  selector:\n", "duplicate"},
		"a probe of a port that there is not": {"dev", workload, "path: /readyz, port: {{ $scheme }}", "path: /readyz, port: web", `Not found: "web"`},
		"a volume that there is not":          {"dev", workload, "          resources:\n", "          volumeMounts: [{name: gone, mountPath: /gone}]\n          resources:\n", `Not found: "gone"`},
		"a selector of other pods":            {"dev", workload, "    matchLabels:\n", "    matchLabels:\n      nobody: here\n", "does not match template"},
		"values that the chart has not":       {"dev", envs + "dev/monitor.yaml", "        replicas: 3\n", "        replica: 3\n", "the values do not fit the chart"},
		// Argo CD.
		"a field that Argo CD has not":         {"staging", envs + "staging/monitor.yaml", "releaseName:", "releaseNane:", `unknown field "releaseNane"`},
		"a chart that there is not":            {"dev", envs + "dev/monitor.yaml", "path: platform/helm/monitor", "path: platform/helm/moniter", "the chart platform/helm/moniter cannot be read"},
		"a kind that its project refuses":      {"staging", "argocd/bootstrap/projects.yaml", `{group: "", kind: LimitRange}`, "{group: autoscaling, kind: HorizontalPodAutoscaler}", "project monitor refuses the HorizontalPodAutoscaler monitor"},
		"a namespace that its project has not": {"dev", envs + "dev/probe.yaml", "namespace: monitor}", "namespace: argocd}", "project monitor refuses"},
		"a project that there is not":          {"dev", envs + "dev/probe.yaml", "project: monitor", "project: monitors", `there is no project "monitors"`},
		"a file that is not there":             {"prod", envs + "prod/kustomization.yaml", "- probe.yaml", "- gone.yaml", "kustomize: "},
		"a patch that is no patch":             {"prod", set, "          patches:", "          patchez:", "patchez"},
		// What a plan fills.
		"an annotation that Terraform does not write": {"prod", outputs, `"ballast.dev/registry"`, `"ballast.dev/registries"`, "still has a placeholder"},
		"a placeholder that a plan fills":             {"staging", set, `"ballast.dev/prometheus" }}`, `"ballast.dev/promtheus" }}`, "https://prometheus.invalid"},
		"an output that there is not":                 {"dev", outputs, "module.observability.prometheus_url\n      }", "module.observability.prometheus\n      }", "there is no output prometheus"},
		"an environment of another name":              {"dev", "terraform/environments/dev/main.tf", `environment             = "dev"`, `environment             = "staging"`, `names the environment "staging"; want dev`},
		"an identity that no pod has":                 {"staging", "terraform/modules/environment/main.tf", `namespace = "chaos-testing"`, `namespace = "elsewhere"`, "Azure knows the ServiceAccount elsewhere/ballast-runner"},
		// AKS.
		"pods that are root":                   {"prod", shared, "runAsNonRoot: true\nrunAsUser: 65532", "runAsUser: 0", "the label of namespace monitor let pods be restricted"},
		"a namespace that takes anything":      {"prod", envs + "prod/namespaces.yaml", "  labels: {pod-security.kubernetes.io/enforce: restricted}\n", "", "namespace monitor has no label"},
		"a load balancer on the internet":      {"prod", envs + "prod/monitor.yaml", `internal: "true"`, `internal: "false"`, "reachable from the internet"},
		"another network":                      {"prod", envs + "prod/monitor.yaml", "10.30.0.0/16", "10.40.0.0/16", "lets in 10.40.0.0/16, and the network is 10.30.0.0/16"},
		"spot nodes that there are not":        {"staging", "terraform/environments/staging/main.tf", "spot_max_count = 6", "spot_max_count = 0", "spot nodes, of which Terraform makes none"},
		"nodes of the system pool":             {"dev", envs + "dev/monitor.yaml", "{key: kubernetes.azure.com/scalesetpriority, operator: Equal, value: spot, effect: NoSchedule}", "{key: CriticalAddonsOnly, operator: Exists}", "nodes of the system pool"},
		"every taint":                          {"dev", envs + "dev/monitor.yaml", "{key: kubernetes.azure.com/scalesetpriority, operator: Equal, value: spot, effect: NoSchedule}", "{operator: Exists}", "nodes of the system pool"},
		"zones as far as there is room":        {"prod", envs + "prod/monitor.yaml", "zones: DoNotSchedule", "zones: ScheduleAnyway", "may all end up in one of the zones [1 2 3]"},
		"a zone that is lost and still counts": {"prod", workload, "          nodeTaintsPolicy: Honor\n", "", "without nodeTaintsPolicy: Honor"},
		"a monitor that nobody reads":          {"dev", envs + "dev/probe.yaml", "azmonitoring.coreos.com/v1", "monitoring.coreos.com/v1", "the managed Prometheus reads azmonitoring.coreos.com"},
		"a monitor without Azure's limits":     {"dev", shared, "labelLimit: 63\n", "", "labelLimit 63"},
		"a budget that lets nothing go":        {"prod", "helm/monitor/values.yaml", "maxUnavailable: 1", "maxUnavailable: 0", "lets 0 of the 6 pods of monitor go"},
		"a budget that lets everything go":     {"staging", "helm/monitor/values.yaml", "maxUnavailable: 1", "maxUnavailable: 100%", "lets 3 of the 3 pods of monitor go"},
		"replicas beside an autoscaler":        {"prod", workload, "if not $.Values.autoscaling.enabled", "if true", "says replicas, too"},
		"an autoscaler of nothing":             {"prod", hpa, "    kind: Deployment\n    name: {{ $w.name }}", "    kind: Deployment\n    name: gone", "there is no Deployment gone to scale"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := mutated(t, tt.file, tt.old, tt.by)
			code, _, stderr := call("--root="+root, tt.environment)
			if code != exitInvalid || !strings.Contains(stderr, tt.says) {
				t.Errorf("exit code %d, want %q:\n%s", code, tt.says, stderr)
			}
		})
	}
}

// made is an environment with all that it applies.
func made(t *testing.T, name string) environment {
	t.Helper()
	e, err := render(checkout, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What an environment has on AKS that it has nowhere else.
func TestWhatIsOfAKS(t *testing.T) {
	for name, tt := range map[string]struct{ least, most int32 }{"dev": {}, "staging": {3, 9}, "prod": {6, 18}} {
		e := made(t, name)
		var scales, balances bool
		for _, o := range e.objects {
			switch of := o.Object.Object.(type) {
			case *autoscalingv2.HorizontalPodAutoscaler:
				scales = true
				if *of.Spec.MinReplicas != tt.least || of.Spec.MaxReplicas != tt.most {
					t.Errorf("%s scales from %d to %d", name, *of.Spec.MinReplicas, of.Spec.MaxReplicas)
				}
			case *corev1.Service:
				balances = balances || of.Spec.Type == corev1.ServiceTypeLoadBalancer
			}
		}
		if want := tt.most > 0; scales != want || balances != want {
			t.Errorf("%s scales by itself: %t, and has a load balancer: %t; want both %t", name, scales, balances, want)
		}
		if got := slices.ContainsFunc(e.applications, func(a application) bool { return a.Metadata.Name == "chaos" }); got != e.plan.faults {
			t.Errorf("%s has Chaos Mesh: %t, and Terraform allows faults: %t", name, got, e.plan.faults)
		}
	}
}

// What Terraform's own tests assert of a plan with the same mocks.
func TestThePlanSaysWhatTerraformSays(t *testing.T) {
	for name, tt := range map[string]struct {
		zones        []string
		spot, faults bool
		excluded     []string
		accounts     []string
		network      string
	}{
		"dev":     {[]string{"1"}, true, true, []string{"chaos-testing"}, []string{"chaos-testing/ballast-runner"}, "10.10.0.0/16"},
		"staging": {[]string{"1", "2", "3"}, true, true, []string{"chaos-testing"}, []string{"chaos-testing/ballast-runner"}, "10.20.0.0/16"},
		"prod":    {[]string{"1", "2", "3"}, false, false, nil, nil, "10.30.0.0/16"},
	} {
		p, err := planOf(checkout, name)
		if err != nil {
			t.Fatal(err)
		}
		if !p.azure || !slices.Equal(p.zones, tt.zones) || p.spot != tt.spot || p.faults != tt.faults || p.addresses != tt.network ||
			!slices.Equal(p.excluded, tt.excluded) || !slices.Equal(p.accounts, tt.accounts) || p.least != "baseline" {
			t.Errorf("%s: %+v", name, p)
		}
		said := p.secret.Metadata.Annotations
		if said["ballast.dev/registry"] != "registry.example" || said["ballast.dev/prometheus"] != "https://prometheus.example" || said["ballast.dev/revision"] != "main" {
			t.Errorf("%s: %v", name, said)
		}
	}
}

func TestProblemsSayWhereTheyAre(t *testing.T) {
	_, err := validate(mutated(t, "argocd/environments/prod/monitor.yaml", `internal: "true"`, `internal: "false"`), "prod", nil)
	var found document.Problems
	if !errors.As(err, &found) || len(found) != 1 || found[0].File != "prod/monitor" || !strings.Contains(found[0].Message, "monitor/templates/service.yaml: Service monitor: ") {
		t.Errorf("%v", err)
	}
}

// meshChart is Chaos Mesh's own chart, of the module from which the local cluster is built.
func meshChart(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/chaos-mesh/chaos-mesh")
	list.Dir = filepath.Join(checkout, "platform", "cluster", "components", "chaos-mesh")
	out, err := list.Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("Chaos Mesh's module is not in the module cache (%v): `go mod download` in %s fetches it", err, list.Dir)
	}
	return "--dependency=chaos-mesh=" + filepath.Join(dir, "helm", "chaos-mesh")
}

func TestChaosMeshIsCheckedWhereItIsAtHand(t *testing.T) {
	mesh := meshChart(t)
	code, stdout, stderr := call("--root="+checkout, mesh)
	if code != exitOK || strings.Contains(stdout, "not checked") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	// Where no faults are allowed, safeguards would refuse its daemon, and with it the
	// environment would never be in order.
	root := mutated(t, "argocd/environments/prod/kustomization.yaml", "  - monitor.yaml\n", "  - monitor.yaml\n  - chaos.yaml\n")
	text, err := os.ReadFile(filepath.Join(root, "platform", "argocd", "environments", "staging", "chaos.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "platform", "argocd", "environments", "prod", "chaos.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = call("--root="+root, mesh, "prod")
	if code != exitInvalid || !strings.Contains(stderr, "the cluster's deployment safeguards (platform/terraform) let pods be baseline") {
		t.Errorf("in prod: exit code %d: %s", code, stderr)
	}
}
