package helm

import (
	"os"
	"path/filepath"
	"testing"

	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
)

func TestChartsAreCharts(t *testing.T) {
	for _, name := range charts() {
		t.Run(name, func(t *testing.T) {
			meta, err := chartutil.StrictLoadChartfile(filepath.Join(name, "Chart.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if err := meta.Validate(); err != nil {
				t.Error(err)
			}
			if meta.Name != name {
				t.Errorf("it is called %s", meta.Name)
			}
			if meta.APIVersion != "v2" || meta.Type != "application" {
				t.Errorf("it is a %s of %s", meta.Type, meta.APIVersion)
			}
			for version, want := range map[string]bool{
				"v1.28.15": false, "v1.29.0": true, "v1.35.3": true,
				"v1.34.1-eks-abcdef": true, // vendors' suffixes look like pre-releases
			} {
				if got := chartutil.IsCompatibleRange(meta.KubeVersion, version); got != want {
					t.Errorf("on Kubernetes %s: %t, want %t", version, got, want)
				}
			}
		})
	}
}

// A copy would be another text one day.
func TestWhatIsSharedIsLinked(t *testing.T) {
	links := map[string]string{
		filepath.Join("observability", "rules"):        filepath.Join("..", "..", "alerts", "rules", "prometheus"),
		filepath.Join("observability", "alertmanager"): filepath.Join("..", "..", "alerts", "alertmanager"),
		filepath.Join("experiments", "documents"):      filepath.Join("..", "..", "chaos", "experiments"),
		filepath.Join("experiments", "rules"):          filepath.Join("..", "..", "alerts", "rules", "prometheus"),
		filepath.Join("experiments", "slos"):           filepath.Join("..", "..", "alerts", "slo"),
	}
	for _, name := range charts() {
		links[filepath.Join(name, "templates", "_ballast.tpl")] = filepath.Join("shared", "_ballast.tpl")
	}
	for link, target := range links {
		to, err := os.Readlink(link)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := filepath.Join(filepath.Dir(link), to); got != target || filepath.IsAbs(to) {
			t.Errorf("%s leads to %s, want %s", link, got, target)
		}
	}
}

// What is only for the repository would be in every release, compressed into a
// Secret.
func TestSuitesAreNotPackaged(t *testing.T) {
	for _, name := range charts() {
		for _, f := range load(t, name).Raw {
			if match, err := filepath.Match("tests/*", f.Name); err != nil || match {
				t.Errorf("%s has %s in it", name, f.Name)
			}
		}
	}
}
