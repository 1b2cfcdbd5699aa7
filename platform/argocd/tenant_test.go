package argocd

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/promql/parser"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/ballast-sre/ballast/platform/manifest"
)

// tenant is the example of a team that is not the platform's.
func tenant(t *testing.T) (project, application) {
	t.Helper()
	all := read(t, filepath.Join("..", "..", "docs", "tenant", "phonebook.yaml"))
	if len(all.projects) != 1 || len(all.applications) != 1 {
		t.Fatalf("it holds %d projects and %d applications, want one of each", len(all.projects), len(all.applications))
	}
	return all.projects[0], all.applications[0]
}

// It is copied into the directory of an environment, and has to hold there.
func TestATenantIsOneFileThatFitsIntoTheSandbox(t *testing.T) {
	p, a := tenant(t)
	sandbox := environment(t, "sandbox")
	others := slices.DeleteFunc(sandbox.projects, func(o project) bool { return o.Metadata.Name == p.Metadata.Name })
	staysWithin(t, projectsOf(t, append(others, p)...), a.Spec, "main")
	keptAsGitSays(t, a.Metadata.Name, a.Spec)
	if p.Metadata.Name != a.Spec.Project {
		t.Errorf("the project is %s, and the application is in %s", p.Metadata.Name, a.Spec.Project)
	}
	const wave = "argocd.argoproj.io/sync-wave"
	if p.Metadata.Annotations[wave] != "-1" || a.Metadata.Annotations[wave] != "3" {
		t.Errorf("the project is in wave %q and the application in %q: want the one before all others and the other after the platform's", p.Metadata.Annotations[wave], a.Metadata.Annotations[wave])
	}
	if !slices.Equal(a.Metadata.Finalizers, []string{"resources-finalizer.argocd.argoproj.io"}) {
		t.Error("what it deployed stays when it goes")
	}
	if _, ok := a.Spec.SyncPolicy.ManagedNamespaceMetadata.Annotations["chaos-mesh.org/inject"]; ok {
		t.Error("faults may hit it")
	}
}

func TestATenantCannotReachWhatIsNotItsOwn(t *testing.T) {
	p, a := tenant(t)
	if refused := p.refuses(a.Spec); len(refused) > 0 {
		t.Fatalf("not even its own: %q", refused)
	}
	tests := map[string]struct {
		change func(*applicationSpec)
		want   string
	}{
		"the monitor's namespace":        {func(s *applicationSpec) { s.Destination.Namespace = "monitor" }, "destination monitor"},
		"Argo CD's namespace":            {func(s *applicationSpec) { s.Destination.Namespace = "argocd" }, "destination argocd"},
		"the platform's namespace":       {func(s *applicationSpec) { s.Destination.Namespace = "observability" }, "destination observability"},
		"the cluster's namespace":        {func(s *applicationSpec) { s.Destination.Namespace = "kube-system" }, "destination kube-system"},
		"no namespace at all":            {func(s *applicationSpec) { s.Destination.Namespace = "" }, "destination"},
		"another cluster":                {func(s *applicationSpec) { s.Destination.Server = "https://example.org" }, "destination directory"},
		"another repository":             {func(s *applicationSpec) { s.Source.RepoURL = "https://example.org/x.git" }, "source"},
		"the builder's repository":       {func(s *applicationSpec) { s.Source.RepoURL = "http://git.ballast-system.svc/deploy.git" }, "source"},
		"a second repository beside its": {func(s *applicationSpec) { s.Sources = []source{{RepoURL: "https://example.org/x.git"}} }, "source"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, a := tenant(t)
			tt.change(&a.Spec)
			if got := strings.Join(p.refuses(a.Spec), "; "); !strings.Contains(got, tt.want) {
				t.Errorf("it is refused %q, want %q", got, tt.want)
			}
		})
	}
	for _, r := range []resource{
		{"", "Namespace", "monitor"},
		{"rbac.authorization.k8s.io", "ClusterRole", "x"},
		{"rbac.authorization.k8s.io", "ClusterRoleBinding", "x"},
		{"apiextensions.k8s.io", "CustomResourceDefinition", "x"},
		{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "x"},
	} {
		if p.allowsInCluster(r.Group, r.Kind, r.Name) {
			t.Errorf("it may have the %s %s", r.Kind, r.Name)
		}
	}
	for _, r := range []resource{
		{Group: "rbac.authorization.k8s.io", Kind: "Role"},
		{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"},
		{Group: "argoproj.io", Kind: "Application"},
		{Group: "argoproj.io", Kind: "AppProject"},
		{Group: "chaos-mesh.org", Kind: "PodChaos"},
		{Kind: "Secret"},
		{Kind: "ResourceQuota"},
	} {
		if p.allowsInNamespace(r.Group, r.Kind) {
			t.Errorf("it may have a %s", r.Kind)
		}
	}
}

// render renders the tenant's chart as Argo CD does, and decodes it as the API server.
func render(t *testing.T, a application) []runtime.Object {
	t.Helper()
	c, err := loader.LoadDir(filepath.Join("..", "..", a.Spec.Source.Path))
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := manifest.Render(c, a.Spec.Source.Helm.ValuesObject, manifest.Release{Name: a.Metadata.Name, Namespace: a.Spec.Destination.Namespace}, true)
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, monitoringv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	var all []runtime.Object
	for _, file := range slices.Sorted(maps.Keys(rendered)) {
		for r := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(rendered[file]))); ; {
			doc, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			object, _, err := strict.Decode(doc, nil, nil)
			if err != nil {
				t.Fatalf("%s: %v\n%s", file, err, doc)
			}
			all = append(all, object)
		}
	}
	return all
}

func TestATenantsChartHasWhatItsProjectAllows(t *testing.T) {
	p, a := tenant(t)
	listed := map[resource]bool{}
	for _, r := range p.Spec.NamespaceResourceWhitelist {
		listed[r] = true
	}
	for _, object := range render(t, a) {
		id := object.GetObjectKind().GroupVersionKind()
		if !p.allowsInNamespace(id.Group, id.Kind) {
			t.Errorf("its project refuses a %s", id.Kind)
		}
		delete(listed, resource{Group: id.Group, Kind: id.Kind})
		if o, ok := object.(metav1.Object); !ok || o.GetNamespace() != "" {
			t.Errorf("the %s names a namespace: which one is the application's to say", id.Kind)
		}
	}
	if len(listed) > 0 {
		t.Errorf("its project allows what it does not have: %v", listed)
	}
}

func TestATenantsPodsKeepToThePodSecurityThatTheirNamespaceEnforces(t *testing.T) {
	_, a := tenant(t)
	if got := a.Spec.SyncPolicy.ManagedNamespaceMetadata.Labels["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Fatalf("it enforces %q", got)
	}
	tested := 0
	for _, object := range render(t, a) {
		d, ok := object.(*appsv1.Deployment)
		if !ok {
			continue
		}
		tested++
		pod := d.Spec.Template.Spec
		if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser == 0 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("its pods run as root, or with every system call: %+v", s)
		}
		if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
			t.Error("its pods have a token of the API server")
		}
		for _, v := range pod.Volumes {
			if v.ConfigMap == nil {
				t.Errorf("volume %s is no ConfigMap", v.Name)
			}
		}
		for _, c := range pod.Containers {
			s := c.SecurityContext
			if s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
				t.Errorf("container %s may gain or write something: %+v", c.Name, s)
			}
			for _, added := range s.Capabilities.Add {
				if added != "NET_BIND_SERVICE" {
					t.Errorf("container %s has %s", c.Name, added)
				}
			}
			for _, port := range c.Ports {
				if port.ContainerPort < 1024 {
					t.Errorf("port %s is a low one", port.Name)
				}
			}
		}
	}
	if tested == 0 {
		t.Error("it has no pods")
	}
}

// A monitor that selects nothing, and a rule that reads what nobody scrapes, say so
// nowhere.
func TestATenantsRulesReadWhatItsMonitorScrapes(t *testing.T) {
	_, a := tenant(t)
	var services []*corev1.Service
	var pods []labels.Set
	var monitors []*monitoringv1.ServiceMonitor
	var rules []monitoringv1.Rule
	for _, object := range render(t, a) {
		switch o := object.(type) {
		case *appsv1.Deployment:
			pods = append(pods, o.Spec.Template.Labels)
		case *corev1.Service:
			services = append(services, o)
		case *monitoringv1.ServiceMonitor:
			monitors = append(monitors, o)
		case *monitoringv1.PrometheusRule:
			for _, g := range o.Spec.Groups {
				rules = append(rules, g.Rules...)
			}
		}
	}
	if len(pods) != 1 || len(services) != 1 || len(monitors) != 1 {
		t.Fatalf("%d deployments, %d services and %d monitors, want one of each", len(pods), len(services), len(monitors))
	}
	if !labels.SelectorFromSet(services[0].Spec.Selector).Matches(pods[0]) {
		t.Error("the Service selects no pods")
	}
	selector, err := metav1.LabelSelectorAsSelector(&monitors[0].Spec.Selector)
	if err != nil || !selector.Matches(labels.Set(services[0].Labels)) || monitors[0].Spec.JobLabel != "" {
		t.Errorf("the monitor does not select the Service, or names the job after something else: %v", err)
	}
	for _, e := range monitors[0].Spec.Endpoints {
		if !slices.ContainsFunc(services[0].Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == e.Port }) {
			t.Errorf("the Service has no port %s", e.Port)
		}
	}
	var recorded, alerts []string
	for _, r := range rules {
		if r.Record != "" {
			recorded = append(recorded, r.Record)
		} else {
			alerts = append(alerts, r.Alert)
		}
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr.String())
		if err != nil {
			t.Errorf("%s%s: %v", r.Record, r.Alert, err)
			continue
		}
		for _, selector := range parser.ExtractSelectors(expr) {
			said := map[string]string{}
			for _, m := range selector {
				said[m.Name] = m.Value
			}
			own := said["namespace"] == a.Spec.Destination.Namespace && said["job"] == services[0].Name
			if !own && !slices.Contains(recorded, said["__name__"]) {
				t.Errorf("%s%s reads what is not of this job and namespace: %v", r.Record, r.Alert, said)
			}
		}
	}
	if len(recorded) == 0 || len(alerts) == 0 {
		t.Errorf("it records %q and alerts %q, want at least one of each", recorded, alerts)
	}
}
