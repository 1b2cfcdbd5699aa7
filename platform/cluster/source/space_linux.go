package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// enter makes the namespaces into which process 1 of a node was born a place for a
// node. What it mounts and what it configures ends with the namespaces.
func enter(ctx context.Context, s settings) error {
	if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
		return fmt.Errorf("node: hostname: %w", err)
	}
	if err := mounts(s.Dir); err != nil {
		return err
	}
	return network(ctx)
}

// mounts gives the node a /proc, a /run and a /var/log of its own. All else is the
// host's, the Go toolchain and its caches included, which builds of images use.
func mounts(dir string) error {
	mount := func(source, target, kind string, flags uintptr, data string) error {
		if err := unix.Mount(source, target, kind, flags, data); err != nil {
			return fmt.Errorf("node: mount %s: %w", target, err)
		}
		return nil
	}
	// Nothing must reach the host; what the kubelet mounts must reach containers.
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return err
	}
	if err := mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	for _, d := range []string{"/run/netns", "/run/lock", "/run/containerd", "/run/cni"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("node: %w", err)
		}
	}
	logs := filepath.Join(dir, "var-log")
	if err := errors.Join(os.MkdirAll(logs, 0o755), os.MkdirAll("/var/log", 0o755)); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	// Mounts that came before are shared already, and so is what is mounted on them.
	return mount(logs, "/var/log", "", unix.MS_BIND, "")
}

// network makes the node's side of a network that ends at the node: an interface
// with its address, and a default route, without which the way to the addresses of
// services is not found before they are translated.
func network(ctx context.Context) error {
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", "node0", "type", "bridge"},
		{"address", "add", nodeAddress + "/24", "dev", "node0"},
		{"link", "set", "node0", "up"},
		{"route", "add", "default", "dev", "node0", "src", nodeAddress},
	} {
		if out, err := run(ctx, "/", "ip", args...); err != nil {
			return fmt.Errorf("node: %w: %s", err, out)
		}
	}
	for key, value := range map[string]string{
		"net/ipv4/ip_forward":                       "1",
		"net/bridge/bridge-nf-call-iptables":        "1", // pods of one bridge talk through services, too
		"net/netfilter/nf_conntrack_tcp_be_liberal": "1", // packets that arrive late are not strangers'
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0); err != nil {
			return fmt.Errorf("node: sysctl %s: %w", key, err)
		}
	}
	return nil
}
