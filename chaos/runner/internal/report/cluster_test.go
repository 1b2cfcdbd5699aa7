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

func TestTheImagesThatRanAreSaid(t *testing.T) {
	of := func(c result.ClusterInfo) string {
		for _, p := range properties(c, epoch) {
			if p.key == "images" {
				return p.value
			}
		}
		return "not said"
	}
	for want, c := range map[string]result.ClusterInfo{
		"not said":                               {}, // as in reports of earlier versions
		"not readable: this user may not":        {Unread: map[string]string{"images": "this user may not"}},
		"monitor sha256:aa, sha256:bb; probe aa": {Images: map[string][]string{"probe": {"aa"}, "monitor": {"sha256:aa", "sha256:bb"}}},
	} {
		if got := of(c); got != want {
			t.Errorf("%q, want %q", got, want)
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
