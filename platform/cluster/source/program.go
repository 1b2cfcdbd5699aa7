package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// program is one long-running program of a node.
type program struct {
	name string
	args []string // args[0] is the path
	env  []string
	// files are inherited from descriptor 3 on.
	files []*os.File
	// ready returns nil once others may count on it; nil itself: at once.
	ready func(context.Context) error
	// after are the programs that must be ready before this one starts.
	after []string
}

// paths of what a node's programs need.
type paths struct {
	dir     string // of the node
	program func(component, program string) (string, error)
	// hostNetwork is the network namespace of the host, in which images are built.
	hostNetwork *os.File
}

func (p paths) in(elem ...string) string { return filepath.Join(append([]string{p.dir}, elem...)...) }

// programs are all of a node, in no order: after says it. The error joins what is
// missing.
func (p paths) programs(s settings) ([]program, error) {
	var missing error
	at := func(component, name string) string {
		path, err := p.program(component, name)
		missing = errors.Join(missing, err)
		return path
	}
	pki := func(name string) string { return p.in("pki", name) }
	kubeconfig := func(name string) string { return p.in("kubeconfig", name) }
	api := "https://" + net.JoinHostPort(s.NodeAddress, strconv.Itoa(s.APIPort))

	all := []program{
		{
			name: "etcd",
			args: []string{
				at("etcd", "server"), "--name=" + s.Hostname, "--data-dir=" + p.in("etcd"),
				"--listen-client-urls=https://127.0.0.1:2379", "--advertise-client-urls=https://127.0.0.1:2379",
				"--listen-peer-urls=https://127.0.0.1:2380", "--initial-advertise-peer-urls=https://127.0.0.1:2380",
				"--initial-cluster=" + s.Hostname + "=https://127.0.0.1:2380",
				"--cert-file=" + pki("etcd/server.crt"), "--key-file=" + pki("etcd/server.key"), "--trusted-ca-file=" + pki("etcd/ca.crt"), "--client-cert-auth",
				"--peer-cert-file=" + pki("etcd/peer.crt"), "--peer-key-file=" + pki("etcd/peer.key"), "--peer-trusted-ca-file=" + pki("etcd/ca.crt"), "--peer-client-cert-auth",
				"--listen-metrics-urls=http://127.0.0.1:2381",
				// A sandbox that loses power is made anew; waiting for the disk at each
				// write would make it several times as slow.
				"--unsafe-no-fsync", "--log-level=warn", "--auto-compaction-mode=periodic", "--auto-compaction-retention=5m",
			},
			ready: answers("http://127.0.0.1:2381/readyz", nil),
		},
		{
			name: "kube-apiserver", after: []string{"etcd"},
			args: []string{
				at("kubernetes", "kube-apiserver"),
				"--advertise-address=" + s.NodeAddress, "--bind-address=" + s.NodeAddress, "--secure-port=" + strconv.Itoa(s.APIPort),
				"--etcd-servers=https://127.0.0.1:2379", "--etcd-cafile=" + pki("etcd/ca.crt"), "--etcd-certfile=" + pki("apiserver-etcd-client.crt"), "--etcd-keyfile=" + pki("apiserver-etcd-client.key"),
				"--client-ca-file=" + pki("ca.crt"), "--tls-cert-file=" + pki("apiserver.crt"), "--tls-private-key-file=" + pki("apiserver.key"),
				"--kubelet-client-certificate=" + pki("apiserver-kubelet-client.crt"), "--kubelet-client-key=" + pki("apiserver-kubelet-client.key"),
				// The node's name resolves nowhere.
				"--kubelet-preferred-address-types=InternalIP",
				"--service-account-key-file=" + pki("sa.pub"), "--service-account-signing-key-file=" + pki("sa.key"),
				"--service-account-issuer=https://kubernetes.default.svc." + s.ClusterDomain,
				"--service-cluster-ip-range=" + s.ServiceSubnet, "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
				"--allow-privileged=true", // what injects faults has to be
				"--requestheader-client-ca-file=" + pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
				"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
				"--proxy-client-cert-file=" + pki("front-proxy-client.crt"), "--proxy-client-key-file=" + pki("front-proxy-client.key"),
				"--enable-aggregator-routing=true", "--profiling=false", "--v=0",
			},
			env:   []string{"GOGC=50"}, // a sandbox has less to remember than to run
			ready: answers(api+"/readyz", p.clientTLS),
		},
		{
			name: "kube-controller-manager", after: []string{"kube-apiserver"},
			args: []string{
				at("kubernetes", "kube-controller-manager"), "--kubeconfig=" + kubeconfig("controller-manager.conf"),
				"--authentication-kubeconfig=" + kubeconfig("controller-manager.conf"), "--authorization-kubeconfig=" + kubeconfig("controller-manager.conf"),
				"--bind-address=127.0.0.1", "--leader-elect=false", "--use-service-account-credentials", "--controllers=*",
				"--root-ca-file=" + pki("ca.crt"), "--service-account-private-key-file=" + pki("sa.key"), "--requestheader-client-ca-file=" + pki("front-proxy-ca.crt"),
				"--client-ca-file=" + pki("ca.crt"), "--cluster-signing-cert-file=" + pki("ca.crt"), "--cluster-signing-key-file=" + pki("ca.key"),
				"--cluster-cidr=" + s.PodSubnet, "--service-cluster-ip-range=" + s.ServiceSubnet, "--allocate-node-cidrs=false", "--cluster-name=" + s.Name,
				// What a person waits for in a sandbox should not wait for minutes.
				"--horizontal-pod-autoscaler-sync-period=5s", "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
				"--horizontal-pod-autoscaler-cpu-initialization-period=10s", "--profiling=false",
			},
		},
		{
			name: "kube-scheduler", after: []string{"kube-apiserver"},
			args: []string{
				at("kubernetes", "kube-scheduler"), "--kubeconfig=" + kubeconfig("scheduler.conf"),
				"--authentication-kubeconfig=" + kubeconfig("scheduler.conf"), "--authorization-kubeconfig=" + kubeconfig("scheduler.conf"),
				"--bind-address=127.0.0.1", "--leader-elect=false", "--profiling=false",
			},
		},
		{
			name:  "registry",
			args:  []string{at("registry", "registry"), "serve", p.in("config", "registry.yaml")},
			env:   []string{"OTEL_TRACES_EXPORTER=none"},
			ready: answers("http://"+net.JoinHostPort(s.NodeAddress, strconv.Itoa(s.RegistryPort))+"/v2/", nil),
		},
		{
			name:  "containerd",
			args:  []string{s.Containerd, "--config=" + p.in("config", "containerd.toml"), "--log-level=warn"},
			ready: listens("/run/containerd/containerd.sock"),
		},
		{
			name: "kubelet", after: []string{"kube-apiserver", "containerd", "registry"},
			args: []string{
				at("kubernetes", "kubelet"), "--config=" + p.in("config", "kubelet.yaml"), "--kubeconfig=" + kubeconfig("kubelet.conf"),
				"--root-dir=" + p.in("kubelet"), "--node-ip=" + s.NodeAddress, "--hostname-override=" + s.Hostname,
				"--cert-dir=" + p.in("kubelet-pki"), "--node-labels=ballast.dev/node=source",
			},
			ready: answers("http://127.0.0.1:10248/healthz", nil),
		},
		{
			name: "kube-proxy", after: []string{"kube-apiserver"},
			args:  []string{at("kubernetes", "kube-proxy"), "--config=" + p.in("config", "kube-proxy.yaml")},
			ready: answers("http://127.0.0.1:10256/healthz", nil),
		},
		{
			name: "kube-router", after: []string{"kube-apiserver", "kubelet", "kube-proxy"},
			args: []string{
				at("kube-router", "kube-router"), "--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--run-loadbalancer=false",
				"--kubeconfig=" + kubeconfig("kube-router.conf"), "--hostname-override=" + s.Hostname,
				"--service-cluster-ip-range=" + s.ServiceSubnet, "--iptables-sync-period=30s", "--cache-sync-timeout=30s",
				"--health-port=20244", "--enable-cni=false", "--v=0",
			},
			ready: answers("http://127.0.0.1:20244/healthz", nil),
		},
		{
			name: "git", after: []string{"registry"},
			args: []string{s.Self, ServeCommand, p.dir}, files: []*os.File{p.hostNetwork},
			ready: answers("http://"+net.JoinHostPort(s.NodeAddress, strconv.Itoa(gitPort))+"/healthz", nil),
		},
	}
	return all, missing
}

// answers is ready when the URL answers with a 2xx. The TLS configuration is read
// when it is needed, as its certificates are made later than the list of programs.
func answers(url string, config func() (*tls.Config, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		transport := &http.Transport{DisableKeepAlives: true}
		if config != nil {
			var err error
			if transport.TLSClientConfig, err = config(); err != nil {
				return err
			}
		}
		client := &http.Client{Transport: transport, Timeout: 2 * time.Second}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode/100 != 2 {
			return fmt.Errorf("%s answers %s", url, res.Status)
		}
		return nil
	}
}

// listens is ready when somebody accepts on the socket.
func listens(socket string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// clientTLS trusts the node's own authority and shows the API server who asks.
func (p paths) clientTLS() (*tls.Config, error) {
	ca, err := os.ReadFile(p.in("pki", "ca.crt"))
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(p.in("pki", "apiserver-kubelet-client.crt"), p.in("pki", "apiserver-kubelet-client.key"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}
