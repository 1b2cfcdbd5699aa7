package source

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// debian lists the packages of the host that a node uses, each with a file by which
// it is known to be there.
func debian() map[string]string {
	return map[string]string{
		"containerd":                  "/usr/bin/containerd",
		"runc":                        "/usr/sbin/runc",
		"containernetworking-plugins": "/usr/lib/cni/bridge",
		"iptables":                    "/usr/sbin/iptables",
		"ipset":                       "/usr/sbin/ipset",
		"conntrack":                   "/usr/sbin/conntrack",
		"iproute2":                    "/usr/bin/ip",
		"mmdebstrap":                  "/usr/bin/mmdebstrap",
		"gcc":                         "/usr/bin/gcc",
		"libc6-dev":                   "/usr/include/stdio.h",
		"git":                         "/usr/lib/git-core/git-http-backend",
	}
}

// installPackages installs what the host lacks, where it can.
func installPackages(ctx context.Context, report func(string, ...any)) error {
	var missing []string
	for name, file := range debian() {
		if !exists(file) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return fmt.Errorf("these are missing, and there is no apt-get to install them: %s", strings.Join(missing, ", "))
	}
	report("installing %s", strings.Join(missing, ", "))
	for _, args := range [][]string{{"update", "-qq"}, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastLines(out, 10))
		}
	}
	return nil
}
