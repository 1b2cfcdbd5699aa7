package kind

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"sigs.k8s.io/kind/pkg/log"
)

// ErrNoDocker is what is said where Docker does not answer.
var ErrNoDocker = errors.New("CLUSTER=kind needs a running Docker; CLUSTER=source needs none")

// Answers asks Docker for its version. The error is ErrNoDocker with Docker's reason.
// It blocks for at most ten seconds.
func Answers(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := docker(asking, "version", "--format={{.Server.Version}}")
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w (%w)", ErrNoDocker, err)
	}
	return err
}

// docker runs Docker's own command and returns what it wrote to stdout.
func docker(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.WaitDelay = time.Second // what it started itself may hold its output
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if err == nil {
		return out.Bytes(), nil
	}
	if text := strings.TrimSpace(complaint.String()); text != "" {
		first, _, _ := strings.Cut(text, "\n")
		return nil, fmt.Errorf("docker %s: %s: %w", args[0], first, err)
	}
	return nil, fmt.Errorf("docker %s: %w", args[0], err)
}

// nodes are the names of the cluster's containers, whether or not they run.
func (c *Cluster) nodes(ctx context.Context) ([]string, error) {
	out, err := docker(ctx, "ps", "--all", "--filter=label=io.x-k8s.kind.cluster="+c.own(), "--format={{.Names}}")
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}

// wake starts the nodes that were stopped, as by a machine that was switched off.
func (c *Cluster) wake(ctx context.Context) error {
	names, err := c.nodes(ctx)
	if err == nil && len(names) > 0 {
		_, err = docker(ctx, append([]string{"start"}, names...)...)
	}
	if err != nil {
		return fmt.Errorf("cluster %s: start its nodes: %w", c.name, err)
	}
	return nil
}

// network is what kind connects its nodes to.
const network = "kind"

// otherNetwork is a variable of kind's that leads it away from there.
const otherNetwork = "KIND_EXPERIMENTAL_DOCKER_NETWORK"

// gateway is the address at which the nodes reach this machine.
func (c *Cluster) gateway(ctx context.Context) (netip.Addr, error) {
	out, err := docker(ctx, "network", "inspect", network)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("cluster %s: %w", c.name, err)
	}
	gateway, err := gatewayOf(network, out)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("cluster %s: %w", c.name, err)
	}
	return gateway, nil
}

// gatewayOf reads what `docker network inspect` says of a network: its first IPv4
// gateway. Where only the subnet is named, it is that one's first address, which is
// the one that Docker takes.
func gatewayOf(network string, inspected []byte) (netip.Addr, error) {
	var networks []struct {
		Name string
		IPAM struct {
			Config []struct{ Subnet, Gateway string }
		}
	}
	if err := json.Unmarshal(inspected, &networks); err != nil {
		return netip.Addr{}, fmt.Errorf("docker network inspect %s: %w", network, err)
	}
	for _, n := range networks {
		if n.Name != network {
			continue
		}
		for _, c := range n.IPAM.Config {
			subnet, err := netip.ParsePrefix(c.Subnet)
			if err != nil {
				return netip.Addr{}, fmt.Errorf("docker network inspect %s: subnet %q: %w", network, c.Subnet, err)
			}
			if !subnet.Addr().Is4() {
				continue
			}
			gateway := subnet.Masked().Addr().Next()
			if c.Gateway != "" {
				address, _, _ := strings.Cut(c.Gateway, "/") // some versions add the length
				if gateway, err = netip.ParseAddr(address); err != nil {
					return netip.Addr{}, fmt.Errorf("docker network inspect %s: gateway %q: %w", network, c.Gateway, err)
				}
			}
			if !subnet.Contains(gateway) || gateway.IsUnspecified() {
				return netip.Addr{}, fmt.Errorf("docker network inspect %s: gateway %q is not in %s", network, c.Gateway, subnet)
			}
			return gateway, nil
		}
		return netip.Addr{}, fmt.Errorf("network %s of Docker has no IPv4; remove it, and kind makes one that has", network)
	}
	return netip.Addr{}, fmt.Errorf("there is no network %s of Docker", network)
}

// Usage is what one node takes, with all that runs on it.
type Usage struct {
	Name      string
	Memory    uint64 // bytes, a page that is shared counted once
	Processes int    // threads are counted, too
}

// Usage asks Docker what every node takes now, the largest first. Where Docker does
// not say, that is reported and nothing returned.
func (c *Cluster) Usage(ctx context.Context) ([]Usage, error) {
	usage, err := c.usage(ctx)
	if err != nil {
		c.report("what the nodes take is not known: %v", err)
	}
	return usage, nil
}

func (c *Cluster) usage(ctx context.Context) ([]Usage, error) {
	names, err := c.nodes(ctx)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("there are none")
	}
	out, err := docker(ctx, append([]string{"stats", "--no-stream", "--format={{json .}}"}, names...)...)
	if err != nil {
		return nil, err
	}
	return usageOf(out)
}

// usageOf reads what `docker stats` writes, an object a line. A node that does not
// run takes nothing.
func usageOf(stats []byte) ([]Usage, error) {
	var all []Usage
	decoder := json.NewDecoder(bytes.NewReader(stats))
	for decoder.More() {
		var line struct{ Name, MemUsage, PIDs string }
		if err := decoder.Decode(&line); err != nil {
			return nil, fmt.Errorf("docker stats: %w", err)
		}
		u := Usage{Name: line.Name}
		if used, _, _ := strings.Cut(line.MemUsage, " / "); used != "--" {
			memory, err := units.RAMInBytes(used)
			if err != nil {
				return nil, fmt.Errorf("docker stats: memory of %s: %w", line.Name, err)
			}
			u.Memory = uint64(memory)
		}
		if line.PIDs != "--" {
			processes, err := strconv.Atoi(line.PIDs)
			if err != nil {
				return nil, fmt.Errorf("docker stats: processes of %s: %w", line.Name, err)
			}
			u.Processes = processes
		}
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b Usage) int { return cmp.Or(cmp.Compare(b.Memory, a.Memory), strings.Compare(a.Name, b.Name)) })
	return all, nil
}

// logger shows what kind does, a line for each step that it has done.
type logger struct {
	report func(format string, args ...any)
}

// Warn shows a warning.
func (l logger) Warn(message string) { l.report("kind: %s", strings.TrimSpace(message)) }

// Warnf shows a warning.
func (l logger) Warnf(format string, args ...any) { l.Warn(fmt.Sprintf(format, args...)) }

// Error shows an error that is no reason to end.
func (l logger) Error(message string) { l.Warn(message) }

// Errorf shows an error that is no reason to end.
func (l logger) Errorf(format string, args ...any) { l.Warn(fmt.Sprintf(format, args...)) }

// V is for messages of a level; those above 0 are for who develops kind.
func (l logger) V(level log.Level) log.InfoLogger { return steps{l, level == 0} }

// steps are the messages of one level.
type steps struct {
	logger
	enabled bool
}

// Info shows a step that is done.
func (s steps) Info(message string) {
	if text, ok := step(message); ok && s.enabled {
		s.report("kind: %s", text)
	}
}

// Infof shows a step that is done.
func (s steps) Infof(format string, args ...any) { s.Info(fmt.Sprintf(format, args...)) }

// Enabled says whether the level is shown.
func (s steps) Enabled() bool { return s.enabled }

// step is what a message says in plain letters, if it is of a step that is over.
func step(message string) (string, bool) {
	message = strings.TrimSpace(message)
	mark, text, _ := strings.Cut(message, " ")
	if mark != "✓" && mark != "✗" {
		return "", false
	}
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r > '~' {
			return -1
		}
		return r
	}, text))
	if mark == "✗" {
		text += ": failed"
	}
	return text, text != ""
}
