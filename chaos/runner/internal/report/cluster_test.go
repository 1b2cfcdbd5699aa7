package report

import (
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestWhatCannotBeReadOfAClusterIsSaid(t *testing.T) {
	got := map[string]string{}
	for _, p := range properties(result.ClusterInfo{Context: "prod", Unread: map[string]string{"nodes": "this user may not"}}, epoch) {
		got[p.key] = p.value
	}
	for key, want := range map[string]string{"context": "prod", "nodes": "not readable: this user may not", "chaosMesh": "not readable", "capabilities": "not readable"} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
}

func TestARunOnAClusterIsRunAgainThere(t *testing.T) {
	r := onCluster(passRun())
	if got := runAgain(r.Experiments[0], r); !strings.Contains(got, "--target cluster --context sandbox ") {
		t.Errorf("%q", got)
	}
	r.Target.Cluster.Context = inCluster
	if got := runAgain(r.Experiments[0], r); strings.Contains(got, "--context") {
		t.Errorf("%q", got)
	}
}
