package argocd

import (
	"encoding/csv"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// setting returns the data of a ConfigMap of Argo CD.
func setting(t *testing.T, name string) map[string]string {
	t.Helper()
	for _, c := range read(t, filepath.Join(bootstrap, "settings.yaml")).configMaps {
		if c.Metadata.Name == name {
			// Argo CD passes over ConfigMaps without this label.
			if c.Metadata.Labels["app.kubernetes.io/part-of"] != "argocd" {
				t.Errorf("%s is not labelled as a part of Argo CD", name)
			}
			return c.Data
		}
	}
	t.Fatalf("there is no ConfigMap %s", name)
	return nil
}

func TestWhatBelongsToAnApplicationIsNotedInAnAnnotation(t *testing.T) {
	if got := setting(t, "argocd-cm")["application.resourceTrackingMethod"]; got != "annotation" {
		t.Errorf("it is noted by %q", got)
	}
}

// Argo CD ignores a key that it does not know, and with it what was meant.
func TestCustomisationsAreOfKindsAndSortsThatThereAre(t *testing.T) {
	key := regexp.MustCompile(`^resource\.customizations\.(health|ignoreDifferences)\.([a-z0-9.-]+)_([A-Z][A-Za-z]+)$`)
	var found []string
	for name, text := range setting(t, "argocd-cm") {
		if !strings.HasPrefix(name, "resource.customizations") {
			continue
		}
		m := key.FindStringSubmatch(name)
		if m == nil {
			t.Errorf("%s is not resource.customizations.SORT.GROUP_KIND", name)
			continue
		}
		found = append(found, m[1]+" "+m[2]+"/"+m[3])
		if m[1] == "ignoreDifferences" {
			ignoresPaths(t, name, text)
		}
	}
	slices.Sort(found)
	want := []string{
		"health argoproj.io/Application",
		"ignoreDifferences chaos-mesh.org/NetworkChaos",
		"ignoreDifferences chaos-mesh.org/PodChaos",
		"ignoreDifferences chaos-mesh.org/StressChaos",
	}
	if !slices.Equal(found, want) {
		t.Errorf("got %q, want %q", found, want)
	}
}

func ignoresPaths(t *testing.T, name, text string) {
	t.Helper()
	var ignored struct {
		JQPathExpressions []string `json:"jqPathExpressions"`
	}
	if err := yaml.UnmarshalStrict([]byte(text), &ignored); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if len(ignored.JQPathExpressions) == 0 {
		t.Errorf("%s ignores nothing", name)
	}
	for _, path := range ignored.JQPathExpressions {
		if !regexp.MustCompile(`^(\.[A-Za-z]+)+$`).MatchString(path) {
			t.Errorf("%s: %q is no path", name, path)
		}
		if path == ".spec" || path == ".metadata" {
			t.Errorf("%s: %s is all that git says", name, path)
		}
	}
}

func TestWhatIsNotWatchedIsSaidByGroupAndKind(t *testing.T) {
	var excluded []struct {
		APIGroups []string `json:"apiGroups"`
		Kinds     []string `json:"kinds"`
		Clusters  []string `json:"clusters"`
	}
	if err := yaml.UnmarshalStrict([]byte(setting(t, "argocd-cm")["resource.exclusions"]), &excluded); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range excluded {
		if len(e.APIGroups) == 0 || len(e.Kinds) == 0 || !slices.Equal(e.Clusters, []string{"*"}) {
			t.Errorf("it leaves something open: %+v", e)
		}
		if slices.Contains(e.APIGroups, "*") || slices.Contains(e.Kinds, "*") {
			t.Errorf("it excludes everything: %+v", e)
		}
		kinds = append(kinds, e.Kinds...)
	}
	for _, kind := range []string{"PodChaos", "NetworkChaos", "StressChaos", "Pod", "Deployment"} {
		if slices.Contains(kinds, kind) {
			t.Errorf("%s is not watched, so nobody would see it", kind)
		}
	}
}

func TestNobodyMayDoWhatIsNotListed(t *testing.T) {
	rbac := setting(t, "argocd-rbac-cm")
	if def, ok := rbac["policy.default"]; !ok || def != "" {
		t.Errorf("whoever is not named is %q", def)
	}
	r := csv.NewReader(strings.NewReader(rbac["policy.csv"]))
	r.FieldsPerRecord, r.TrimLeadingSpace = 6, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	may := map[string]bool{}
	for _, row := range rows {
		if row[0] != "p" || row[5] != "allow" || row[2] == "*" || row[3] == "*" {
			t.Errorf("%q", row)
		}
		may[strings.Join(row[1:4], " ")] = true
	}
	want := []string{
		"role:operator applications get", "role:operator applications sync", "role:operator logs get",
		"role:viewer applications get", "role:viewer projects get",
	}
	if got := slices.Sorted(maps.Keys(may)); !slices.Equal(got, want) {
		t.Errorf("these may: %q, want %q", got, want)
	}
}

func TestDriftIsHealedAtOnceHoweverOftenItComes(t *testing.T) {
	params := setting(t, "argocd-cmd-params-cm")
	// With no wait to begin with, there is none that could grow.
	for _, key := range []string{"controller.self.heal.timeout.seconds", "controller.self.heal.backoff.timeout.seconds"} {
		if params[key] != "0" {
			t.Errorf("%s is %q, want 0", key, params[key])
		}
	}
	if params["controller.diff.server.side"] != "true" {
		t.Error("the API server's defaults count as differences")
	}
}

func TestWebhooksHaveAWayIn(t *testing.T) {
	s := read(t, filepath.Join(bootstrap, "settings.yaml")).services
	if len(s) != 1 || s[0].Metadata.Name != "argocd-webhook" || s[0].Spec.Selector["app.kubernetes.io/name"] != "argocd-server" {
		t.Errorf("there is no Service argocd-webhook before argocd-server: %+v", s)
	}
}
