package argocd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/policy"
)

const (
	bootstrap    = "bootstrap"
	environments = "environments"
	inCluster    = "https://kubernetes.default.svc"
)

// The parts of Argo CD's objects that are used here. A field that is missing here is
// refused, so that a misspelt one is.
type (
	meta struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace,omitempty"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		Finalizers  []string          `json:"finalizers"`
	}
	application struct {
		APIVersion string          `json:"apiVersion"`
		Kind       string          `json:"kind"`
		Metadata   meta            `json:"metadata"`
		Spec       applicationSpec `json:"spec"`
	}
	applicationSpec struct {
		Project           string       `json:"project"`
		Source            *source      `json:"source"`
		Sources           []source     `json:"sources"`
		Destination       destination  `json:"destination"`
		IgnoreDifferences []difference `json:"ignoreDifferences"`
		SyncPolicy        syncPolicy   `json:"syncPolicy"`
	}
	source struct {
		RepoURL        string `json:"repoURL"`
		TargetRevision string `json:"targetRevision"`
		Path           string `json:"path"`
		Ref            string `json:"ref"`
		Helm           struct {
			ReleaseName             string         `json:"releaseName"`
			ValueFiles              []string       `json:"valueFiles"`
			IgnoreMissingValueFiles bool           `json:"ignoreMissingValueFiles"`
			Parameters              []parameter    `json:"parameters"`
			ValuesObject            map[string]any `json:"valuesObject"`
			SkipCRDs                bool           `json:"skipCrds"`
		} `json:"helm"`
		Kustomize *kustomizeOptions `json:"kustomize,omitempty"`
		Directory *directoryOptions `json:"directory,omitempty"`
	}
	parameter struct {
		Name        string `json:"name"`
		Value       string `json:"value"`
		ForceString bool   `json:"forceString"`
	}
	kustomizeOptions struct {
		NameSuffix string           `json:"nameSuffix"`
		Patches    []map[string]any `json:"patches"`
	}
	directoryOptions struct {
		Recurse bool   `json:"recurse"`
		Include string `json:"include"`
	}
	destination struct {
		Server    string `json:"server"`
		Namespace string `json:"namespace"`
	}
	difference struct {
		Group             string   `json:"group"`
		Kind              string   `json:"kind"`
		Name              string   `json:"name"`
		JSONPointers      []string `json:"jsonPointers"`
		JQPathExpressions []string `json:"jqPathExpressions"`
	}
	syncPolicy struct {
		Automated struct {
			Prune      bool `json:"prune"`
			SelfHeal   bool `json:"selfHeal"`
			AllowEmpty bool `json:"allowEmpty"`
		} `json:"automated"`
		ManagedNamespaceMetadata struct {
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"managedNamespaceMetadata"`
		SyncOptions []string `json:"syncOptions"`
		Retry       struct {
			Limit   int64 `json:"limit"`
			Refresh bool  `json:"refresh"`
			Backoff struct {
				Duration    string `json:"duration"`
				Factor      int64  `json:"factor"`
				MaxDuration string `json:"maxDuration"`
			} `json:"backoff"`
		} `json:"retry"`
	}
	project struct {
		APIVersion string      `json:"apiVersion"`
		Kind       string      `json:"kind"`
		Metadata   meta        `json:"metadata"`
		Spec       projectSpec `json:"spec"`
	}
	projectSpec struct {
		Description                string           `json:"description"`
		SourceRepos                []string         `json:"sourceRepos"`
		Destinations               []destination    `json:"destinations"`
		DestinationServiceAccounts []serviceAccount `json:"destinationServiceAccounts,omitempty"`
		ClusterResourceWhitelist   []resource       `json:"clusterResourceWhitelist"`
		NamespaceResourceWhitelist []resource       `json:"namespaceResourceWhitelist"`
		NamespaceResourceBlacklist []resource       `json:"namespaceResourceBlacklist"`
	}
	// serviceAccount is who applies what goes to a namespace.
	serviceAccount struct {
		Server                string `json:"server"`
		Namespace             string `json:"namespace"`
		DefaultServiceAccount string `json:"defaultServiceAccount"`
	}
	resource struct {
		Group string `json:"group"`
		Kind  string `json:"kind"`
		Name  string `json:"name"` // of resources of the whole cluster; empty is any
	}
	applicationSet struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   meta   `json:"metadata"`
		Spec       struct {
			SyncPolicy struct {
				ApplicationsSync            string `json:"applicationsSync"`
				PreserveResourcesOnDeletion bool   `json:"preserveResourcesOnDeletion"`
			} `json:"syncPolicy"`
			PreservedFields struct {
				Annotations []string `json:"annotations"`
			} `json:"preservedFields"`
			GoTemplate        bool             `json:"goTemplate"`
			GoTemplateOptions []string         `json:"goTemplateOptions"`
			Generators        []map[string]any `json:"generators"`
			TemplatePatch     string           `json:"templatePatch"`
			Template          struct {
				Metadata meta            `json:"metadata"`
				Spec     applicationSpec `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	configMap struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   meta              `json:"metadata"`
		Data       map[string]string `json:"data"`
	}
	service struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   meta   `json:"metadata"`
		Spec       struct {
			Selector map[string]string `json:"selector"`
			Ports    []map[string]any  `json:"ports"`
		} `json:"spec"`
	}
	namespace struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   meta   `json:"metadata"`
	}
	kustomization struct {
		APIVersion   string   `json:"apiVersion"`
		Kind         string   `json:"kind"`
		Namespace    string   `json:"namespace"`
		Resources    []string `json:"resources"`
		Transformers []string `json:"transformers"`
		Components   []string `json:"components"`
	}
)

// objects are what one or several files hold.
type objects struct {
	applications []application
	projects     []project
	sets         []applicationSet
	configMaps   []configMap
	services     []service
	namespaces   []namespace
	kustomized   []kustomization
	policies     []admissionv1.ValidatingAdmissionPolicy
	bindings     []admissionv1.ValidatingAdmissionPolicyBinding

	accounts            []corev1.ServiceAccount
	roles               []rbacv1.Role
	roleBindings        []rbacv1.RoleBinding
	clusterRoles        []rbacv1.ClusterRole
	clusterRoleBindings []rbacv1.ClusterRoleBinding
}

// add decodes one document. A kind that is not known here, a field that does not
// exist, also one in another case, and one that is given twice are errors.
func (o *objects) add(doc []byte) error {
	text, err := yaml.YAMLToJSONStrict(doc)
	if err != nil {
		return err
	}
	var content map[string]any
	if err := utiljson.Unmarshal(text, &content); err != nil {
		return err
	}
	switch id := fmt.Sprint(content["apiVersion"], " ", content["kind"]); id {
	case "argoproj.io/v1alpha1 Application":
		return appendTo(&o.applications, content)
	case "argoproj.io/v1alpha1 AppProject":
		return appendTo(&o.projects, content)
	case "argoproj.io/v1alpha1 ApplicationSet":
		return appendTo(&o.sets, content)
	case "v1 ConfigMap":
		return appendTo(&o.configMaps, content)
	case "v1 Service":
		return appendTo(&o.services, content)
	case "v1 Namespace":
		return appendTo(&o.namespaces, content)
	case "v1 ServiceAccount":
		return appendTo(&o.accounts, content)
	case "rbac.authorization.k8s.io/v1 Role":
		return appendTo(&o.roles, content)
	case "rbac.authorization.k8s.io/v1 RoleBinding":
		return appendTo(&o.roleBindings, content)
	case "rbac.authorization.k8s.io/v1 ClusterRole":
		return appendTo(&o.clusterRoles, content)
	case "rbac.authorization.k8s.io/v1 ClusterRoleBinding":
		return appendTo(&o.clusterRoleBindings, content)
	case "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy":
		return appendTo(&o.policies, content)
	case "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding":
		return appendTo(&o.bindings, content)
	case "kustomize.config.k8s.io/v1beta1 Kustomization":
		return appendTo(&o.kustomized, content)
	default:
		return fmt.Errorf("a %s is not expected here", id)
	}
}

func appendTo[T any](all *[]T, content map[string]any) error {
	var one T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(content, &one, true); err != nil {
		return err
	}
	*all = append(*all, one)
	return nil
}

// read reads files.
func read(t *testing.T, files ...string) objects {
	t.Helper()
	var all objects
	for _, file := range files {
		for _, doc := range documents(t, file) {
			if err := all.add(doc); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
	}
	return all
}

// documents cuts a file into those of its documents that say something.
func documents(t *testing.T, file string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := policy.Documents(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return docs
}

func yamlFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s holds no file: %v", dir, err)
	}
	return files
}

// names returns the environments, each a directory.
func names(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(environments)
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, e.Name())
		}
	}
	for _, name := range []string{"dev", "prod", "sandbox", "staging"} {
		if !slices.Contains(dirs, name) {
			t.Fatalf("there is no environment %s, only %q", name, dirs)
		}
	}
	return dirs
}

// environment returns what Argo CD applies of the directory of an environment.
func environment(t *testing.T, name string) objects {
	t.Helper()
	return rendered(t, name, nil, nil)
}

// setOf returns an ApplicationSet of the bootstrap by its name.
func setOf(t *testing.T, name string) applicationSet {
	t.Helper()
	all := read(t, yamlFiles(t, bootstrap)...).sets
	i := slices.IndexFunc(all, func(s applicationSet) bool { return s.Metadata.Name == name })
	if i < 0 {
		t.Fatalf("there is no ApplicationSet %s", name)
	}
	return all[i]
}

// namespace returns a namespace of an environment.
func (o objects) namespace(t *testing.T, name string) namespace {
	t.Helper()
	i := slices.IndexFunc(o.namespaces, func(n namespace) bool { return n.Metadata.Name == name })
	if i < 0 {
		t.Fatalf("there is no namespace %s", name)
	}
	return o.namespaces[i]
}

// applicationOf returns an application of an environment.
func applicationOf(t *testing.T, environmentName, name string) application {
	t.Helper()
	all := environment(t, environmentName).applications
	i := slices.IndexFunc(all, func(a application) bool { return a.Metadata.Name == name })
	if i < 0 {
		t.Fatalf("%s has no application %s", environmentName, name)
	}
	return all[i]
}

// projectsOf returns projects by name; those that were made when the cluster was,
// and those that came with applications.
func projectsOf(t *testing.T, others ...project) map[string]project {
	t.Helper()
	all := map[string]project{}
	for _, p := range append(read(t, yamlFiles(t, bootstrap)...).projects, others...) {
		if _, twice := all[p.Metadata.Name]; twice {
			t.Errorf("project %s is there twice", p.Metadata.Name)
		}
		all[p.Metadata.Name] = p
	}
	return all
}

// all returns the sources of an application, one or several.
func (s applicationSpec) all() []source {
	if s.Source != nil {
		return append([]source{*s.Source}, s.Sources...)
	}
	return s.Sources
}

func TestADocumentThatArgoCDWouldNotUnderstandIsRefused(t *testing.T) {
	const head = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\n"
	tests := map[string]struct{ doc, want string }{
		"a kind that is not expected": {"apiVersion: v1\nkind: Secret", "v1 Secret is not expected"},
		"a version that there is not": {"apiVersion: argoproj.io/v1\nkind: Application", "is not expected"},
		"no kind at all":              {"a: 1", "is not expected"},
		"a misspelt field":            {head + "spec: {projekt: monitor}", "projekt"},
		"a field in another case":     {head + "spec: {source: {repoUrl: https://example.org}}", "repoUrl"},
		"a field in the wrong place":  {head + "spec: {automated: {prune: true}}", "automated"},
		"a field that is given twice": {head + "spec: {project: a, project: b}", "already set"},
		"a word where a yes or no is": {head + "spec: {syncPolicy: {automated: {prune: often}}}", "bool"},
		"a list that has to be":       {head + "spec: {syncPolicy: {syncOptions: Prune}}", "slice"},
		"what is as it should be":     {head + "spec: {project: monitor, syncPolicy: {retry: {limit: 3}}}", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := new(objects).add([]byte(tt.doc))
			if tt.want == "" && err != nil {
				t.Errorf("it is refused: %v", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got error %v, want one about %q", err, tt.want)
			}
		})
	}
}
