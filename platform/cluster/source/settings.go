package source

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/ballast-sre/ballast/platform/cluster/internal/hosttools"
)

// prepare makes certificates, kubeconfigs and configuration files, those that are
// not there yet. The node reads the settings that it returns.
func (n *Node) prepare(ctx context.Context, st state) (settings, error) {
	self, err := n.keepSelf()
	if err != nil {
		return settings{}, err
	}
	containerd, err := n.host.Program(hosttools.Containerd)
	if err != nil {
		return settings{}, err
	}
	plugins, err := n.host.CNIPlugins()
	if err != nil {
		return settings{}, err
	}
	programs := map[string]string{}
	for _, c := range components() {
		for _, name := range c.programs {
			path, err := n.build.program(c, name)
			if err != nil {
				return settings{}, err
			}
			programs[c.name+"/"+name] = path
		}
	}
	s := settings{
		Name: n.name, Hostname: "ballast-" + n.name, Dir: n.dir,
		NodeAddress: nodeAddress, PodSubnet: podSubnet, ServiceSubnet: serviceSubnet, DNSAddress: dnsAddress,
		ClusterDomain: clusterDomain, KubernetesVersion: KubernetesVersion, APIPort: apiPort, RegistryPort: registryPort,
		CgroupRoot: cgroupRoot(n.name), RestrictOOMScore: !canLowerOOMScore(), Containerd: containerd, CNIPlugins: plugins,
		HostPort: st.APIPort, Pause: pauseImage, Self: self, Programs: programs,
	}
	if err := configure(s); err != nil {
		return s, err
	}
	resolver, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !gone(err) {
		return s, fmt.Errorf("name servers of the host: %w", err)
	}
	if err := os.WriteFile(n.in(HostResolver), resolver, 0o600); err != nil {
		return s, fmt.Errorf("name servers of the host: %w", err)
	}
	return s, n.certify(ctx, s)
}

// certify lets kubeadm make what is missing of certificates and kubeconfigs.
func (n *Node) certify(ctx context.Context, s settings) error {
	kubeadm, err := n.build.find("kubernetes", "kubeadm")
	if err != nil {
		return err
	}
	config := n.in("config", "kubeadm.yaml")
	if out, err := run(ctx, "/", kubeadm, "init", "phase", "certs", "all", "--config="+config); err != nil {
		return fmt.Errorf("certificates: %w: %s", err, out)
	}
	for _, who := range []string{"admin", "super-admin", "kubelet", "controller-manager", "scheduler"} {
		if out, err := run(ctx, "/", kubeadm, "init", "phase", "kubeconfig", who, "--config="+config, "--kubeconfig-dir="+n.in("kubeconfig")); err != nil {
			return fmt.Errorf("kubeconfig: %w: %s", err, out)
		}
	}
	for _, program := range []string{"kube-proxy", "kube-router", "git"} {
		path := n.in("kubeconfig", program+".conf")
		if exists(path) {
			continue
		}
		out, err := exec.CommandContext(ctx, kubeadm, "kubeconfig", "user", "--config="+config, "--client-name=system:"+program).Output()
		if err != nil {
			return fmt.Errorf("kubeconfig of %s: %w", program, err)
		}
		if err := os.WriteFile(path, out, 0o600); err != nil {
			return fmt.Errorf("kubeconfig of %s: %w", program, err)
		}
	}
	return n.hostKubeconfig(s)
}

// writeSettings is for the node itself, which has no flags.
func (n *Node) writeSettings(s settings) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(n.in("settings.json"), data, 0o600)
}

func readSettings(dir string) (settings, error) {
	var s settings
	data, err := os.ReadFile(filepath.Join(dir, "settings.json"))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

// loopback listens on the host's loopback, on the port wanted where that is free.
func loopback(wanted int) (*os.File, int, error) {
	var l net.Listener
	var err error
	for _, port := range []int{wanted, 0} {
		var lc net.ListenConfig
		if l, err = lc.Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			break
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("a port on loopback: %w", err)
	}
	defer l.Close() //nolint:errcheck // the file is another descriptor of the same socket
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, 0, fmt.Errorf("a port on loopback: %T is no TCP listener", l)
	}
	f, err := tcp.File()
	if err != nil {
		return nil, 0, fmt.Errorf("a port on loopback: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, 0, err
	}
	number, err := strconv.Atoi(port)
	return f, number, err
}

// canLowerOOMScore says whether this process may make itself less likely to be
// killed when memory is short, which takes CAP_SYS_RESOURCE.
func canLowerOOMScore() bool {
	const file = "/proc/self/oom_score_adj"
	before, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	if err := os.WriteFile(file, []byte("-1"), 0); err != nil {
		return false
	}
	return os.WriteFile(file, before, 0) == nil
}

// KeptSelf is the name of the program's copy in a node's directory.
const KeptSelf = "cluster"

// keepSelf copies the program that runs into the node's directory: the node must be
// able to start it again after it was built anew, or removed.
func (n *Node) keepSelf() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the program itself: %w", err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		return "", fmt.Errorf("keep the program itself: %w", err)
	}
	path := n.in(KeptSelf)
	if err := removeFile(path); err != nil { // one that runs cannot be written to
		return "", fmt.Errorf("keep the program itself: %w", err)
	}
	if err := os.WriteFile(path, data, 0o700); err != nil { //nolint:gosec // it is a program
		return "", fmt.Errorf("keep the program itself: %w", err)
	}
	return path, nil
}
