package helm

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/engine"
)

// ofAzure is what no other Kubernetes has.
var ofAzure = []string{"azmonitoring", "azurecr", "azure.com", "ama-metrics", "disk.csi.azure", "kubernetes.azure"}

// The charts that a cluster needs which nobody's provider manages render with the values for
// any Kubernetes, and nothing in them is Azure's.
func TestTheChartsRenderForAnyKubernetes(t *testing.T) {
	for _, name := range []string{"monitor", "probe", "observability", "chaos"} {
		t.Run(name, func(t *testing.T) {
			values, err := common.ReadValuesFile(filepath.Join("any-kubernetes", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			docs, err := render(load(t, name), values, engine.Engine{})
			if err != nil {
				t.Fatal(err)
			}
			if len(decode(t, docs)) == 0 {
				t.Error("nothing was rendered")
			}
			for _, d := range docs {
				for _, word := range ofAzure {
					if bytes.Contains(bytes.ToLower(d.text), []byte(word)) {
						t.Errorf("%s has %q, which is Azure's", d.template, word)
					}
				}
			}
		})
	}
}

func TestThereIsNoFileOfValuesThatNobodyRenders(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("any-kubernetes", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		switch strings.TrimSuffix(filepath.Base(f), ".yaml") {
		case "monitor", "probe", "observability", "chaos":
		default:
			t.Errorf("%s is of no chart", f)
		}
	}
}
