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

func TestADigestIsAtTheSamePlaceInEveryStage(t *testing.T) {
	for app := range pinned() {
		for _, stage := range stages() {
			said := leaves(t, onlyDocument(t, fileOf(stage, app)))
			if d := cmp.Diff([]string{digestPath}, digests(said)); d != "" {
				t.Errorf("%s of %s: where a digest is (-want +got):\n%s", app, stage, d)
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

func TestAPromotionIsOneLineAndChangesNothingElse(t *testing.T) {
	line := regexp.MustCompile(`(?m)^( *digest:).*$`)
	const promoted = "sha256:" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for app := range pinned() {
		for _, stage := range stages() {
			t.Run(stage+"/"+app, func(t *testing.T) {
				file := fileOf(stage, app)
				before, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if n := len(line.FindAll(before, -1)); n != 1 {
					t.Fatalf("%d lines have a digest, want 1", n)
				}
				after := line.ReplaceAll(before, []byte("${1} "+promoted))
				changed := leaves(t, after)
				if got := differ(leaves(t, before), changed); !slices.Equal(got, []string{digestPath}) {
					t.Errorf("it changes %q", got)
				}
				if changed[digestPath] != promoted {
					t.Errorf("it makes the digest %v", changed[digestPath])
				}
				if err := new(objects).add(after); err != nil {
					t.Errorf("what comes of it is refused: %v", err)
				}
			})
		}
	}
}

// What is not released yet must not look as if it were; what is must not be half so.
func TestAnImageIsReleasedOrSaysThatItIsNot(t *testing.T) {
	released := regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	for app, name := range pinned() {
		for _, stage := range stages() {
			said := leaves(t, onlyDocument(t, fileOf(stage, app)))
			const image = "/spec/source/helm/valuesObject/image/"
			digest, _ := said[image+"digest"].(string)
			repository, _ := said[image+"repository"].(string)
			host, path, _ := strings.Cut(repository, "/")
			if path != name {
				t.Errorf("%s of %s is pulled from %s, want REGISTRY/%s", app, stage, repository, name)
			}
			if said[image+"tag"] != "by-digest-only" {
				t.Errorf("%s of %s runs by the tag %v when it has no digest", app, stage, said[image+"tag"])
			}
			switch nowhere := strings.HasSuffix(host, ".invalid"); {
			case digest == "":
			case !released.MatchString(digest):
				t.Errorf("%s of %s: %q is no digest", app, stage, digest)
			case strings.Count(digest, digest[len(digest)-1:]) >= 64:
				t.Errorf("%s of %s: %s is made up", app, stage, digest)
			case nowhere:
				t.Errorf("%s of %s has a digest, and a registry that does not exist: %s", app, stage, host)
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
		{"chaos", "staging", "prod", nil},
		{"monitor", "dev", "staging", append(slices.Clone(resources), slower)},
		{"monitor", "staging", "prod", []string{
			values + "replicas", values + "topologySpread/whenUnsatisfiable",
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
