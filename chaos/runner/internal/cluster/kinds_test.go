package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheKindsAreThoseOfThePinnedAPI(t *testing.T) {
	var names []string
	for _, k := range Kinds() {
		names = append(names, k.Resource.Resource+"."+k.Resource.Group+"/"+k.Resource.Version)
	}
	want := []string{
		"awschaos", "azurechaos", "blockchaos", "dnschaos", "gcpchaos", "httpchaos", "iochaos", "jvmchaos",
		"kernelchaos", "networkchaos", "podchaos", "stresschaos", "timechaos",
	}
	for i := range want {
		want[i] += ".chaos-mesh.org/v1alpha1"
	}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("kinds (-want +got); the roles of platform/helm/chaos list them too:\n%s", d)
	}
}
