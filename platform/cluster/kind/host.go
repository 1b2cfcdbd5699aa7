package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/ballast-sre/ballast/platform/cluster/internal/process"
)

// ServeCommand is the hidden subcommand with which the command runs itself again as
// the process on the host, which calls Serve. Its argument is the cluster's directory.
const ServeCommand = "__serve-kind"

// The descriptors that it inherits: listeners, so that nobody takes their ports.
const (
	gitFD     = 3 + iota // on loopback
	gatewayFD            // where the nodes reach the host
)

// keptSelf is the name of the program's copy in the directory, which hooks of the
// repositories run, too.
const keptSelf = "cluster"

// host lets the process on the host run: one of this very program, at this gateway,
// with the kubeconfig that is there. anew ends one that does.
func (c *Cluster) host(ctx context.Context, gateway netip.Addr, anew bool) error {
	st, err := c.load()
	if err != nil {
		return err
	}
	registry, err := c.programs.Program("registry", "registry")
	if err != nil {
		return err
	}
	before, err := netip.ParseAddrPort(st.Gateway)
	same := err == nil && before.Addr() == gateway && st.Registry == registry
	if !anew && same && st.Runs() && c.current() {
		return nil
	}
	// Also what one that was killed has left.
	if err := c.end(ctx); err != nil {
		return err
	}
	self, err := c.keepSelf()
	if err != nil {
		return err
	}
	// Ports that it had before it has again, where they are free, so that remotes and
	// what the nodes know stay true.
	git, gitAt, err := listen(netip.AddrPortFrom(loopback(), uint16(st.GitPort)))
	if err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	defer git.Close() //nolint:errcheck // the process has its own
	nodes, nodesAt, err := listen(netip.AddrPortFrom(gateway, before.Port()))
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return fmt.Errorf("cluster %s: %s, the gateway of Docker's network, is not an address of this machine: Docker must run on it, not in a virtual machine and not rootless; CLUSTER=source needs none", c.name, gateway)
	}
	if err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	defer nodes.Close() //nolint:errcheck // the process has its own
	st.GitPort, st.Gateway, st.Registry, st.ID = int(gitAt.Port()), nodesAt.String(), registry, process.ID{}
	if err := c.save(st); err != nil {
		return err
	}
	if err := os.WriteFile(c.in("certs.d", "docker.io", "hosts.toml"), hosts(nodesAt), 0o644); err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	if err := c.launch(ctx, &st, self, git, nodes); err != nil {
		return err
	}
	return c.awaitHost(ctx, st)
}

// launch starts the process. It outlives the caller and its terminal.
func (c *Cluster) launch(ctx context.Context, st *state, self string, files ...*os.File) error {
	log, err := os.OpenFile(c.in("log", "host.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cluster %s: %w", c.name, err)
	}
	defer log.Close() //nolint:errcheck // the process has its own
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, ServeCommand, c.dir)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles, cmd.Dir = log, log, files, "/"
	cmd.Env = append(os.Environ(), mark+"="+c.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cluster %s: start the process on the host: %w", c.name, err)
	}
	if st.ID, err = process.Of(cmd.Process.Pid); err != nil {
		return fmt.Errorf("cluster %s: the process on the host ended at once: %w; the end of %s:\n%s", c.name, err, log.Name(), tailOf(log.Name(), 10))
	}
	if err := c.save(*st); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	return cmd.Process.Release()
}

// awaitHost blocks until registry and repositories answer.
func (c *Cluster) awaitHost(ctx context.Context, st state) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := errors.Join(answers(ctx, "http://"+st.Gateway+"/v2/"), answers(ctx, "http://127.0.0.1:"+strconv.Itoa(st.GitPort)+"/healthz"))
		if err == nil {
			return nil
		}
		if !st.Runs() {
			return fmt.Errorf("cluster %s: the process on the host has ended; the end of its log:\n%s", c.name, tailOf(c.in("log", "host.log"), 10))
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("cluster %s: the process on the host does not answer: %w; look into %s", c.name, err, c.in("log"))
		}
	}
}

// answers returns nil when the URL answers with a 2xx.
func answers(ctx context.Context, url string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() // only the status counts
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}

func loopback() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// listen listens on the port wanted where that is free, and on another where it is
// not. The file is for a child to inherit.
func listen(wanted netip.AddrPort) (*os.File, netip.AddrPort, error) {
	var l *net.TCPListener
	var err error
	for _, port := range []uint16{wanted.Port(), 0} {
		if l, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(wanted.Addr(), port))); err == nil {
			break
		}
	}
	if err != nil {
		return nil, wanted, err
	}
	defer l.Close() //nolint:errcheck // the file is another descriptor of the same socket
	at, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return nil, wanted, err
	}
	f, err := l.File()
	return f, at, err
}

// current says whether what runs is this program.
func (c *Cluster) current() bool {
	own, err := os.ReadFile(c.self)
	if err != nil {
		return false
	}
	kept, err := os.ReadFile(c.in(keptSelf))
	return err == nil && bytes.Equal(own, kept)
}

// keepSelf copies the program that runs into the directory, so that it may be built
// anew, or removed, meanwhile.
func (c *Cluster) keepSelf() (string, error) {
	data, err := os.ReadFile(c.self)
	if err != nil {
		return "", fmt.Errorf("keep the program itself: %w", err)
	}
	path := filepath.Join(c.dir, keptSelf)
	if err := removeFile(path); err != nil { // one that runs cannot be written to
		return "", fmt.Errorf("keep the program itself: %w", err)
	}
	if err := os.WriteFile(path, data, 0o700); err != nil { //nolint:gosec // it is a program
		return "", fmt.Errorf("keep the program itself: %w", err)
	}
	return path, nil
}

func tailOf(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return lastLines(data, lines)
}
