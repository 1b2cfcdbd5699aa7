//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// application is what Argo CD reports about one.
type application struct {
	sync, health, phase string
	revisions           []string
	messages            []string
	// current: what was compared is the source that the application names now.
	current bool
	// paths are those that Argo CD compares it anew for; all, when there are none.
	paths []string
}

func (a application) fine() bool { return a.sync == "Synced" && a.health == "Healthy" && a.current }

func (a application) String() string {
	return fmt.Sprintf("%s, %s, %s, at %s: %s", a.sync, a.health, a.phase, strings.Join(a.revisions, " and "), strings.Join(a.messages, "; "))
}

func applicationOf(ctx context.Context, name string) (application, error) {
	object, err := on.dynamic.Resource(argoResource()).Namespace(argoNamespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return application{}, err
	}
	return readApplication(object), nil
}

func readApplication(object *unstructured.Unstructured) application {
	a := application{
		sync: field(object, "status", "sync", "status"), health: field(object, "status", "health", "status"),
		phase: field(object, "status", "operationState", "phase"),
	}
	if one := field(object, "status", "sync", "revision"); one != "" {
		a.revisions = append(a.revisions, one)
	}
	many, _, _ := unstructured.NestedStringSlice(object.Object, "status", "sync", "revisions") // absent with one source
	a.revisions = append(a.revisions, many...)
	for _, source := range []string{"source", "sources"} {
		named, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", source) // an application has one or the other
		compared, _, _ := unstructured.NestedFieldNoCopy(object.Object, "status", "sync", "comparedTo", source)
		a.current = a.current || named != nil && reflect.DeepEqual(named, compared)
	}
	for path := range strings.SplitSeq(object.GetAnnotations()["argocd.argoproj.io/manifest-generate-paths"], ";") {
		if path = strings.TrimPrefix(path, "/"); path != "" {
			a.paths = append(a.paths, path)
		}
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions") // absent when all is well
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok {
			a.messages = append(a.messages, fmt.Sprintf("%v: %v", m["type"], m["message"]))
		}
	}
	resources, _, _ := unstructured.NestedSlice(object.Object, "status", "resources") // absent before the first sync
	for _, r := range resources {
		m, ok := r.(map[string]any)
		if !ok {
			continue
		}
		if health, ok := m["health"].(map[string]any); ok && health["status"] == "Degraded" {
			a.messages = append(a.messages, fmt.Sprintf("%v %v is degraded: %v", m["kind"], m["name"], health["message"]))
		}
	}
	if message := field(object, "status", "operationState", "message"); message != "" {
		a.messages = append(a.messages, message)
	}
	return a
}

// concerns says whether Argo CD compares the application anew for one of these files.
func (a application) concerns(files []string) bool {
	return len(a.paths) == 0 || slices.ContainsFunc(files, func(file string) bool {
		return slices.ContainsFunc(a.paths, func(path string) bool { return file == path || strings.HasPrefix(file, path+"/") })
	})
}

// changed are the files that a commit changed.
func (c *checkout) changed(ctx context.Context, t *testing.T, commit string) []string {
	t.Helper()
	out, err := c.git(ctx, "diff", "--no-renames", "--name-only", commit+"~1", commit)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(out)
}

// recorded is the digest of an image that the builder recorded last.
func (c *checkout) recorded(ctx context.Context, t *testing.T, image string) string {
	t.Helper()
	if _, err := c.git(ctx, "fetch", "--quiet", strings.Replace(c.remote, "/ballast.git", "/deploy.git", 1), "main"); err != nil {
		t.Fatal(err)
	}
	text, err := c.git(ctx, "show", "FETCH_HEAD:"+image+"/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values struct{ Image struct{ Digest string } }
	if err := yaml.Unmarshal([]byte(text), &values); err != nil || values.Image.Digest == "" {
		t.Fatalf("the builder recorded no digest of %s: %v: %s", image, err, text)
	}
	return values.Image.Digest
}

// awaitDeployed blocks until a commit that was pushed is what runs: the applications
// that it concerns are at it, all of them are healthy, and the rollouts of the images
// that the builder made of it have ended.
func awaitDeployed(ctx context.Context, t *testing.T, commit string, within time.Duration) {
	t.Helper()
	files := on.deploys.changed(ctx, t, commit)
	digests := map[string]string{}
	for deployment, image := range map[string]string{"monitor": "monitor", "probe": "ballast"} {
		digests[deployment] = on.deploys.recorded(ctx, t, image)
	}
	await(ctx, t, within, "commit "+commit[:8]+" to be what runs", func(ctx context.Context) (bool, string) {
		for _, name := range []string{environmentApp, "observability", "monitor", "probe"} {
			a, err := applicationOf(ctx, name)
			if err != nil {
				return false, err.Error()
			}
			if !a.fine() || !slices.Contains(a.revisions, commit) && a.concerns(files) {
				return false, name + ": " + a.String()
			}
		}
		var seen []string
		fine := true
		for deployment, digest := range digests {
			d, err := on.AppsV1().Deployments(monitorNamespace).Get(ctx, deployment, metav1.GetOptions{})
			if err != nil {
				return false, err.Error()
			}
			image := d.Spec.Template.Spec.Containers[0].Image
			seen = append(seen, fmt.Sprintf("%s: %s, rolled out: %t", deployment, image, rolledOut(d)))
			fine = fine && strings.HasSuffix(image, "@"+digest) && rolledOut(d)
		}
		return fine, strings.Join(seen, "\n")
	})
}

func rolledOut(d *appsv1.Deployment) bool {
	s := d.Status
	return s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == *d.Spec.Replicas && s.Replicas == s.UpdatedReplicas && s.AvailableReplicas == s.Replicas
}
