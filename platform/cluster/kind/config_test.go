package kind

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	"sigs.k8s.io/yaml"
)

func TestGoldenWhatAClusterIsMadeOf(t *testing.T) {
	gateway := netip.MustParseAddrPort("172.18.0.1:40123")
	cluster, err := yaml.Marshal(config("ballast-sandbox", defaults.Image, "/home/me/.cache/ballast/kind/sandbox/certs.d"))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "kind.yaml", cluster)
	compare(t, "hosts.toml", hosts(gateway))
	compare(t, "git.yaml", gitService(gateway))
	compare(t, "registry.yaml", registryConfig("/home/me/.cache/ballast/kind/sandbox/registry", "/home/me/.cache/ballast/kind/sandbox/registry.sock"))
}

func TestTheImageOfANodeIsPinned(t *testing.T) {
	c, err := New("x", ".", programs{}, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if _, digest, ok := strings.Cut(c.image, "@sha256:"); !ok || len(digest) != 64 {
		t.Errorf("%q", c.image)
	}
}

// Paths are the user's to choose.
func TestARegistryOfAnyDirectory(t *testing.T) {
	for name, dir := range map[string]string{
		"a plain one":        "/home/me/x",
		"one with a space":   "/home/my own/x",
		"one with a colon":   "/home/a: b/x",
		"one with a quote":   `/home/"me"/x`,
		"one with a hash":    "/home/me #2/x",
		"one with a letter":  "/home/mé/x",
		"one with backslash": `/home/m\e/x`,
	} {
		t.Run(name, func(t *testing.T) {
			var c struct {
				Storage struct {
					Filesystem struct{ Rootdirectory string }
				}
				HTTP struct{ Net, Addr string }
			}
			if err := yaml.Unmarshal(registryConfig(dir, dir+"/sock"), &c); err != nil {
				t.Fatal(err)
			}
			if c.Storage.Filesystem.Rootdirectory != dir || c.HTTP.Addr != dir+"/sock" || c.HTTP.Net != "unix" {
				t.Errorf("%+v", c)
			}
		})
	}
}

// The manifest of the metrics is that of the other node: what this one counts on in
// it is looked at here.
func TestTheMetricsServerFitsANodeOfKind(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", filepath.FromSlash(metricsServer)))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kind: APIService", "--kubelet-insecure-tls", "--kubelet-preferred-address-types=InternalIP"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not say %s", metricsServer, want)
		}
	}
	for _, other := range []string{"10.89.", "ballast.dev/node"} { // addresses and labels of the other node
		if strings.Contains(string(text), other) {
			t.Errorf("%s says %s", metricsServer, other)
		}
	}
}
