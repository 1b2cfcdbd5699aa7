package argocd

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// Where the digest is, in every file that pins an image.
const digestPath = "/spec/source/helm/valuesObject/image/digest"

// pinned are the applications whose image is promoted, and its name in a registry.
func pinned() map[string]string {
	return map[string]string{"monitor": "ballast/monitor", "probe": "ballast/ballast"}
}

// stages are the environments in the order in which a digest reaches them.
func stages() []string { return []string{"dev", "staging", "prod"} }

func fileOf(environment, app string) string {
	return filepath.Join(environments, environment, app+".yaml")
}

// leaves returns what a document says, by path.
func leaves(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	var content any
	if err := yaml.UnmarshalStrict(doc, &content); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for k, v := range value {
				walk(path+"/"+k, v)
			}
		case []any:
			for i, v := range value {
				walk(fmt.Sprintf("%s/%d", path, i), v)
			}
		default:
			all[path] = value
		}
	}
	walk("", content)
	return all
}

// differ returns the paths at which two documents say different things, in order.
func differ(a, b map[string]any) []string {
	paths := map[string]bool{}
	for _, all := range []map[string]any{a, b} {
		for path := range all {
			if a[path] != b[path] {
				paths[path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// digests returns the paths of a document at which a digest is.
func digests(said map[string]any) []string {
	var paths []string
	for path := range said {
		if strings.HasSuffix(strings.ToLower(path), "digest") {
			paths = append(paths, path)
		}
	}
	return paths
}

func onlyDocument(t *testing.T, file string) []byte {
	t.Helper()
	docs := documents(t, file)
	if len(docs) != 1 {
		t.Fatalf("%s holds %d documents, want 1", file, len(docs))
	}
	return docs[0]
}

// pairOf reads what runs in an environment.
func pairOf(t *testing.T, environment string) (pair pairFile) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(environments, environment, "pair.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &pair); err != nil {
		t.Fatal(err)
	}
	return pair
}

type pairFile struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   meta   `json:"metadata"`
	Spec       struct {
		Revision string            `json:"revision"`
		Images   map[string]string `json:"images"`
	} `json:"spec"`
}

// revisionOf is what the charts of an environment follow.
func revisionOf(t *testing.T, environment string) string {
	t.Helper()
	if environment == "sandbox" {
		return "main"
	}
	return pairOf(t, environment).Spec.Revision
}

func TestADigestIsAtTheSamePlaceInEveryStage(t *testing.T) {
	for app := range pinned() {
		for _, stage := range stages() {
			said := leaves(t, onlyDocument(t, fileOf(stage, app)))
			if d := cmp.Diff([]string{digestPath}, digests(said)); d != "" {
				t.Errorf("%s of %s: where a digest is (-want +got):\n%s", app, stage, d)
			}
			if said[digestPath] != "" {
				t.Errorf("%s of %s has a digest of its own, beside that of pair.yaml", app, stage)
			}
		}
	}
}

// The builder writes it into a repository of its own.
func TestTheSandboxHasNoDigest(t *testing.T) {
	for _, file := range yamlFiles(t, filepath.Join(environments, "sandbox")) {
		for _, doc := range documents(t, file) {
			if got := digests(leaves(t, doc)); len(got) > 0 {
				t.Errorf("%s has one at %q", file, got)
			}
		}
	}
	for app, image := range pinned() {
		want := "$deploy/" + filepath.Base(image) + "/values.yaml"
		if got := applicationOf(t, "sandbox", app).Spec.all()[0].Helm.ValueFiles; !slices.Equal(got, []string{want}) {
			t.Errorf("%s takes it from %q, want %s", app, got, want)
		}
	}
	// Its chart is in the builder's repository, so the path needs no reference. Chaos Mesh
	// has to come up also when there is no image yet.
	helm := applicationOf(t, "sandbox", "chaos").Spec.all()[0].Helm
	if !slices.Equal(helm.ValueFiles, []string{"/ballast/values.yaml"}) || !helm.IgnoreMissingValueFiles {
		t.Errorf("the guard takes it from %q, which may be missing: %t", helm.ValueFiles, helm.IgnoreMissingValueFiles)
	}
}

// said is what an environment applies, by the kind and name of each object.
func said(t *testing.T, all objects) map[string]any {
	t.Helper()
	out := map[string]any{}
	add := func(name string, object any) {
		text, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		for path, value := range leaves(t, text) {
			out[name+path] = value
		}
	}
	for _, a := range all.applications {
		add(a.Metadata.Name, a)
	}
	for _, p := range all.projects {
		add("project "+p.Metadata.Name, p)
	}
	for _, n := range all.namespaces {
		add("namespace "+n.Metadata.Name, n)
	}
	return out
}

func TestAPromotionChangesRevisionAndDigestsAndNothingElse(t *testing.T) {
	const revision = "/spec/source/targetRevision"
	var promoted pairFile
	promoted.APIVersion, promoted.Kind = "ballast.dev/v1alpha1", "Pair"
	promoted.Metadata.Name, promoted.Metadata.Annotations = "pair", map[string]string{"config.kubernetes.io/local-config": "true"}
	promoted.Spec.Revision = "0123456789abcdef0123456789abcdef01234567"
	promoted.Spec.Images = map[string]string{
		"monitor": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"ballast": "sha256:89abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567",
	}
	pair, err := yaml.Marshal(promoted)
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range promotable(t) {
		t.Run(stage, func(t *testing.T) {
			before, after := said(t, rendered(t, stage, nil, nil)), said(t, rendered(t, stage, nil, pair))
			want := []string{"monitor" + digestPath, "monitor" + revision, "probe" + digestPath, "probe" + revision}
			if stage != "prod" {
				want = slices.Insert(want, 0, "chaos"+revision)
			}
			if stage == "staging" {
				const deployed = experimentsApp + "/spec/source/helm/valuesObject/deployed/"
				want = slices.Insert(want, 1, deployed+"digest", deployed+"revision", experimentsApp+digestPath, experimentsApp+revision)
			}
			if got := differ(before, after); !slices.Equal(got, want) {
				t.Errorf("it changes (-want +got):\n%s", cmp.Diff(want, got))
			}
			for path, want := range map[string]string{
				"monitor" + revision: promoted.Spec.Revision, "probe" + revision: promoted.Spec.Revision,
				"monitor" + digestPath: promoted.Spec.Images["monitor"], "probe" + digestPath: promoted.Spec.Images["ballast"],
			} {
				if after[path] != want {
					t.Errorf("%s is %v, want %s", path, after[path], want)
				}
			}
		})
	}
}

// What is not released yet must not look as if it were; what is must not be half so.
func TestAnImageIsReleasedOrSaysThatItIsNot(t *testing.T) {
	released := regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	for _, stage := range stages() {
		pair := pairOf(t, stage).Spec
		none := pair.Revision == "not-promoted-yet"
		for app, name := range pinned() {
			said := leaves(t, onlyDocument(t, fileOf(stage, app)))
			const image = "/spec/source/helm/valuesObject/image/"
			repository, _ := said[image+"repository"].(string)
			if host, path, _ := strings.Cut(repository, "/"); path != name || !strings.HasSuffix(host, ".invalid") {
				t.Errorf("%s of %s is pulled from %s, want what the Secret says instead of NOWHERE.invalid/%s", app, stage, repository, name)
			}
			if said[image+"tag"] != "by-digest-only" {
				t.Errorf("%s of %s runs by the tag %v when it has no digest", app, stage, said[image+"tag"])
			}
			switch digest := pair.Images[filepath.Base(name)]; {
			case none && digest != "":
				t.Errorf("%s of %s has a digest, and its charts have no revision", app, stage)
			case none:
			case !released.MatchString(digest):
				t.Errorf("%s of %s: %q is not a digest", app, stage, digest)
			case strings.Count(digest, digest[len(digest)-1:]) >= 64:
				t.Errorf("%s of %s: %s is made up", app, stage, digest)
			}
		}
	}
}

// What holds in one environment is worth knowing in the next as far as they are the
// same. So every difference is written here.
func TestEnvironmentsDifferInWhatIsListedAndNothingElse(t *testing.T) {
	const values = "/spec/source/helm/valuesObject/"
	resources := []string{values + "resources/limits/memory", values + "resources/requests/cpu", values + "resources/requests/memory"}
	slower := values + "serviceMonitor/interval"
	tests := []struct {
		app, from, to string
		want          []string
	}{
		{"chaos", "dev", "staging", nil},
		{"monitor", "dev", "staging", slices.Concat(resources, []string{
			slower, values + "replicas", values + "autoscaling/enabled", values + "autoscaling/minReplicas", values + "autoscaling/maxReplicas",
			values + "topologySpread/zones", values + "drain/pause", values + "networkPolicy/ingress/2/ipBlock/cidr",
			values + "service/type", values + "service/annotations/service.beta.kubernetes.io/azure-load-balancer-internal",
		})},
		{"monitor", "staging", "prod", []string{
			values + "autoscaling/minReplicas", values + "autoscaling/maxReplicas", values + "networkPolicy/ingress/2/ipBlock/cidr",
			values + "tolerations/0/key", values + "tolerations/0/operator", values + "tolerations/0/value", values + "tolerations/0/effect",
		}},
		{"namespaces", "sandbox", "dev", nil},
		{"namespaces", "dev", "staging", nil},
		{"namespaces", "staging", "prod", []string{"/metadata/annotations/chaos-mesh.org/inject"}},
		{"probe", "dev", "staging", append(slices.Clone(resources), slower)},
		{"probe", "staging", "prod", nil},
	}
	for _, tt := range tests {
		t.Run(tt.app+" of "+tt.from+" and "+tt.to, func(t *testing.T) {
			got := differ(leaves(t, onlyDocument(t, fileOf(tt.from, tt.app))), leaves(t, onlyDocument(t, fileOf(tt.to, tt.app))))
			got = slices.DeleteFunc(got, func(path string) bool {
				return path == digestPath || path == values+"image/repository"
			})
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("(-listed +found):\n%s", cmp.Diff(tt.want, got))
			}
		})
	}
}
