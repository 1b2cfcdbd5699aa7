package source

import (
	"encoding/json"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/cluster/internal/registry"
)

// settingsOf are those of a node as prepare makes them, but for the paths.
func settingsOf(name, dir string) settings {
	programs := map[string]string{}
	for _, c := range components() {
		for _, p := range c.programs {
			programs[c.name+"/"+p] = "/cache/" + c.name + "/" + p
		}
	}
	return settings{
		Name: name, Hostname: "ballast-" + name, Dir: dir,
		NodeAddress: nodeAddress, PodSubnet: podSubnet, ServiceSubnet: serviceSubnet, DNSAddress: dnsAddress,
		ClusterDomain: clusterDomain, KubernetesVersion: KubernetesVersion, APIPort: apiPort, RegistryPort: registryPort,
		CgroupRoot: cgroupRoot(name), Containerd: "/usr/bin/containerd", CNIPlugins: "/usr/lib/cni", HostPort: 40443, Pause: pauseImage,
		Self: "/node/cluster", Programs: programs,
	}
}

// configured are the files that a node is configured with, by their paths. Its
// directory, which is another in each test, reads /node.
func configured(t *testing.T, s settings) map[string]string {
	t.Helper()
	if err := configure(s); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	root := os.DirFS(filepath.Join(s.Dir, "config"))
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, path)
		files[path] = strings.ReplaceAll(string(text), s.Dir, "/node")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestANodeIsConfiguredAsInTheGoldenFiles(t *testing.T) {
	variants := map[string]func() settings{
		"default": func() settings { return settingsOf("sandbox", t.TempDir()) },
		// A host that lets nobody lower a score, and a node beside the first.
		"restricted": func() settings {
			s := settingsOf("second", t.TempDir())
			s.RestrictOOMScore = true
			return s
		},
	}
	written := map[string]bool{}
	for name, of := range variants {
		files := configured(t, of())
		for _, path := range slices.Sorted(maps.Keys(files)) {
			file := filepath.Join(name, path)
			written[file] = true
			t.Run(file, func(t *testing.T) { compare(t, file, []byte(files[path])) })
		}
	}
	root := os.DirFS(filepath.Join("testdata", "golden"))
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !written[filepath.FromSlash(path)] {
			t.Errorf("testdata/golden/%s is left over", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestConfiguringTwiceGivesTheSame(t *testing.T) {
	s := settingsOf("sandbox", t.TempDir())
	if d := cmp.Diff(configured(t, s), configured(t, s)); d != "" {
		t.Errorf("(-first +second):\n%s", d)
	}
}

func TestEveryConfigurationFileCanBeRead(t *testing.T) {
	for path, text := range configured(t, settingsOf("sandbox", t.TempDir())) {
		t.Run(path, func(t *testing.T) {
			var into map[string]any
			switch filepath.Ext(path) {
			case ".yaml":
				for part := range strings.SplitSeq(text, "\n---\n") {
					if err := yaml.UnmarshalStrict([]byte(part), &into); err != nil || len(into) == 0 {
						t.Errorf("%v: %s", err, part)
					}
				}
			case ".conflist":
				if err := json.Unmarshal([]byte(text), &into); err != nil {
					t.Error(err)
				}
			}
			if strings.Contains(text, "<no value>") || strings.Contains(text, "{{") {
				t.Errorf("it is not filled: %s", text)
			}
		})
	}
}

// It names certificates and where they lie.
func TestOnlyTheOwnerReadsTheConfiguration(t *testing.T) {
	s := settingsOf("sandbox", t.TempDir())
	for path := range configured(t, s) {
		info, err := os.Stat(filepath.Join(s.Dir, "config", path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
	}
}

func TestAConfigurationThatCannotBeWritten(t *testing.T) {
	s := settingsOf("sandbox", t.TempDir())
	write(t, filepath.Join(s.Dir, "config"), "a file")
	if err := configure(s); err == nil || !strings.HasPrefix(err.Error(), "node configuration ") {
		t.Errorf("%v", err)
	}
}

// at reads a value of a YAML document by the keys that lead there.
func at(t *testing.T, text string, keys ...string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[key]
	}
	return value
}

func TestWhatOfTheConfigurationKeepsANodeSafe(t *testing.T) {
	files := configured(t, settingsOf("sandbox", t.TempDir()))
	tests := map[string]struct {
		file string
		keys []string
		want any
	}{
		"the kubelet serves nobody without a name":         {"kubelet.yaml", []string{"authentication", "anonymous", "enabled"}, false},
		"the kubelet knows who asks by a token":            {"kubelet.yaml", []string{"authentication", "webhook", "enabled"}, true},
		"the kubelet knows who asks by a certificate":      {"kubelet.yaml", []string{"authentication", "x509", "clientCAFile"}, "/node/pki/ca.crt"},
		"the kubelet asks the API server who may":          {"kubelet.yaml", []string{"authorization", "mode"}, "Webhook"},
		"the kubelet has no port that asks nothing":        {"kubelet.yaml", []string{"readOnlyPort"}, nil},
		"the kubelet's pods are in the node's own cgroup":  {"kubelet.yaml", []string{"cgroupRoot"}, "/ballast/sandbox/pods"},
		"the kubelet runs where cgroup v1 is":              {"kubelet.yaml", []string{"failCgroupV1"}, false},
		"kube-proxy tells its health on loopback only":     {"kube-proxy.yaml", []string{"healthzBindAddress"}, "127.0.0.1:10256"},
		"kube-proxy tells its metrics on loopback only":    {"kube-proxy.yaml", []string{"metricsBindAddress"}, "127.0.0.1:10249"},
		"kube-proxy leaves the machine's table alone":      {"kube-proxy.yaml", []string{"conntrack", "maxPerCore"}, float64(0)},
		"the registry is in no network":                    {"registry.yaml", []string{"http", "net"}, "unix"},
		"the registry's socket is in the node's directory": {"registry.yaml", []string{"http", "addr"}, "/node/" + registry.Socket},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := at(t, files[tt.file], tt.keys...); got != tt.want {
				t.Errorf("%s of %s is %v, want %v", strings.Join(tt.keys, "."), tt.file, got, tt.want)
			}
		})
	}
}

// The addresses are written in several places: constants, and a network that the
// plugin for pods does not read from a template.
func TestTheNetworksOfANodeFitTogether(t *testing.T) {
	network := func(text string) *net.IPNet {
		t.Helper()
		_, n, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var bridge struct {
		Plugins []struct {
			IPAM struct {
				Ranges [][]struct{ Subnet string }
			}
		}
	}
	files := configured(t, settingsOf("sandbox", t.TempDir()))
	if err := json.Unmarshal([]byte(files["cni/10-bridge.conflist"]), &bridge); err != nil {
		t.Fatal(err)
	}
	pods := network(bridge.Plugins[0].IPAM.Ranges[0][0].Subnet)
	if !network(podSubnet).Contains(pods.IP) {
		t.Errorf("pods get addresses of %s, which is not in %s", pods, podSubnet)
	}
	if !network(serviceSubnet).Contains(net.ParseIP(dnsAddress)) {
		t.Errorf("the name service is at %s, which is not in %s", dnsAddress, serviceSubnet)
	}
	if !network(nodeSubnet).Contains(net.ParseIP(nodeAddress)) {
		t.Errorf("the node is at %s, which is not in %s", nodeAddress, nodeSubnet)
	}
	all := []*net.IPNet{network(podSubnet), network(serviceSubnet), network(nodeSubnet)}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.Contains(b.IP) || b.Contains(a.IP) {
				t.Errorf("%s and %s overlap", a, b)
			}
		}
	}
}
