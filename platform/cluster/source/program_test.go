package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// nodePrograms are all of a node whose directory is dir.
func nodePrograms(t *testing.T, dir string) map[string]program {
	t.Helper()
	p := paths{dir: dir, program: func(component, program string) (string, error) {
		return (&builder{modules: filepath.Join("..", "components"), cache: "/cache"}).find(component, program)
	}}
	all, err := p.programs(settingsOf("sandbox", dir))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]program{}
	for _, each := range all {
		if _, twice := named[each.name]; twice {
			t.Errorf("two programs are named %s", each.name)
		}
		named[each.name] = each
	}
	return named
}

func TestEveryProgramCanStart(t *testing.T) {
	all := nodePrograms(t, "/node")
	for name, p := range all {
		t.Run(name, func(t *testing.T) {
			if len(p.args) == 0 || !filepath.IsAbs(p.args[0]) {
				t.Errorf("it runs %q, which is no absolute path", p.args)
			}
			for _, before := range p.after {
				if _, ok := all[before]; !ok {
					t.Errorf("it starts after %s, which there is not", before)
				}
				if all[before].ready == nil {
					t.Errorf("it starts after %s, of which nobody knows when it is ready", before)
				}
			}
		})
	}
	// What can start is taken away until nothing is left, or a cycle.
	for started := true; started; {
		started = false
		for name, p := range all {
			if !slices.ContainsFunc(p.after, func(before string) bool { _, waits := all[before]; return waits }) {
				delete(all, name)
				started = true
			}
		}
	}
	for name, p := range all {
		t.Errorf("%s waits for %q, and they for it", name, p.after)
	}
}

func TestEveryProgramThatIsMissingIsNamed(t *testing.T) {
	missing := errors.New("it is not there")
	p := paths{dir: "/node", program: func(component, program string) (string, error) {
		if component == "kubernetes" {
			return "/" + program, nil
		}
		return "", fmt.Errorf("%s of %s: %w", program, component, missing)
	}}
	_, err := p.programs(settingsOf("sandbox", "/node"))
	if !errors.Is(err, missing) {
		t.Fatalf("%v, want %v", err, missing)
	}
	for _, want := range []string{"server of etcd", "registry of registry", "kube-router of kube-router"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "kubernetes") {
		t.Errorf("it names what there is: %v", err)
	}
}

// flags are the values of a program's flags; one without a value is empty.
func flags(p program) map[string]string {
	all := map[string]string{}
	for _, arg := range p.args[1:] {
		if name, ok := strings.CutPrefix(arg, "--"); ok {
			name, value, _ := strings.Cut(name, "=")
			all[name] = value
		}
	}
	return all
}

func TestWhatOfTheProgramsKeepsANodeSafe(t *testing.T) {
	all := nodePrograms(t, "/node")
	for sentence, want := range map[string]struct{ program, flag, value string }{
		"etcd serves only who has a certificate":                {"etcd", "client-cert-auth", ""},
		"etcd trusts the authority of etcd alone":               {"etcd", "trusted-ca-file", "/node/pki/etcd/ca.crt"},
		"etcd joins only who has a certificate":                 {"etcd", "peer-client-cert-auth", ""},
		"the API server asks who may":                           {"kube-apiserver", "authorization-mode", "Node,RBAC"},
		"the API server lets a kubelet change its own alone":    {"kube-apiserver", "enable-admission-plugins", "NodeRestriction"},
		"the API server knows who asks by a certificate":        {"kube-apiserver", "client-ca-file", "/node/pki/ca.crt"},
		"the API server serves in the node's network alone":     {"kube-apiserver", "bind-address", nodeAddress},
		"the API server takes a user from its front alone":      {"kube-apiserver", "requestheader-allowed-names", "front-proxy-client"},
		"the API server shows etcd its certificate":             {"kube-apiserver", "etcd-certfile", "/node/pki/apiserver-etcd-client.crt"},
		"the API server shows no profile":                       {"kube-apiserver", "profiling", "false"},
		"the controllers serve on loopback alone":               {"kube-controller-manager", "bind-address", "127.0.0.1"},
		"each controller has an account of its own":             {"kube-controller-manager", "use-service-account-credentials", ""},
		"the controllers show no profile":                       {"kube-controller-manager", "profiling", "false"},
		"the scheduler serves on loopback alone":                {"kube-scheduler", "bind-address", "127.0.0.1"},
		"the scheduler shows no profile":                        {"kube-scheduler", "profiling", "false"},
		"network policies are enforced":                         {"kube-router", "run-firewall", "true"},
		"the kubelet is configured by the file that says these": {"kubelet", "config", "/node/config/kubelet.yaml"},
	} {
		t.Run(sentence, func(t *testing.T) {
			if got, ok := flags(all[want.program])[want.flag]; !ok || got != want.value {
				t.Errorf("%s has --%s=%q (%t), want %q", want.program, want.flag, got, ok, want.value)
			}
		})
	}
	t.Run("etcd listens on loopback alone", func(t *testing.T) {
		listens := 0
		for flag, value := range flags(all["etcd"]) {
			if !strings.HasSuffix(flag, "-urls") {
				continue
			}
			for text := range strings.SplitSeq(value, ",") {
				listens++
				u, err := url.Parse(text)
				if err != nil || !net.ParseIP(u.Hostname()).IsLoopback() {
					t.Errorf("--%s=%s, %v", flag, value, err)
				}
				if u.Scheme != "https" && flag != "listen-metrics-urls" {
					t.Errorf("--%s=%s is not encrypted", flag, value)
				}
			}
		}
		if listens < 3 {
			t.Errorf("it listens on %d", listens)
		}
	})
	t.Run("no program takes anybody for somebody", func(t *testing.T) {
		for name, p := range all {
			for flag, value := range flags(p) {
				if strings.Contains(flag, "insecure") || strings.Contains(value, "AlwaysAllow") || (flag == "anonymous-auth" && value != "false") {
					t.Errorf("%s has --%s=%s", name, flag, value)
				}
			}
		}
	})
}

func TestProgramsReadOnlyConfigurationThatIsWritten(t *testing.T) {
	dir := t.TempDir()
	configured(t, settingsOf("sandbox", dir))
	config, read := filepath.Join(dir, "config")+"/", 0
	for name, p := range nodePrograms(t, dir) {
		for _, arg := range p.args {
			if _, path, ok := strings.Cut(arg, config); ok {
				read++
				if !exists(config + path) {
					t.Errorf("%s reads %s, which nothing writes", name, arg)
				}
			}
		}
	}
	if read == 0 {
		t.Error("no program reads any: this looks in the wrong place")
	}
}

func TestWhenAProgramThatAnswersIsReady(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ready":
			w.WriteHeader(http.StatusNoContent)
		case "/moved":
			http.Redirect(w, r, "/sick", http.StatusFound)
		default:
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		}
	})
	plain := httptest.NewServer(handler)
	defer plain.Close()
	private := httptest.NewUnstartedServer(handler)
	private.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	private.StartTLS()
	defer private.Close()
	nobody := httptest.NewServer(handler)
	nobody.Close()
	transport, ok := private.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatalf("%T", private.Client().Transport)
	}
	trusts := func() (*tls.Config, error) { return transport.TLSClientConfig, nil }
	noKeys := paths{dir: t.TempDir()}.clientTLS
	tests := map[string]struct {
		url    string
		config func() (*tls.Config, error)
		says   string // empty: it is ready
	}{
		"one that says so":                        {plain.URL + "/ready", nil, ""},
		"one that says so to who trusts it":       {private.URL + "/ready", trusts, ""},
		"not one that is not trusted":             {private.URL + "/ready", nil, "certificate"},
		"not one whose certificates are not made": {private.URL + "/ready", noKeys, "no such file"},
		"not one that says not yet":               {plain.URL + "/sick", nil, "/sick answers 503 Service Unavailable"},
		"not one that sends elsewhere":            {plain.URL + "/moved", nil, "503"},
		"not one that is not there":               {nobody.URL + "/ready", nil, "refused"},
		"not one without an address":              {"http://%zz", nil, "invalid URL"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := answers(tt.url, tt.config)(t.Context())
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
	if _, err := noKeys(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("certificates that are not made: %v", err)
	}
}

func TestWhenAProgramThatListensIsReady(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	ready := listens(path)
	if err := ready(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before there is a socket: %v", err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := ready(t.Context()); err != nil {
		t.Error(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ready(canceled); err == nil {
		t.Error("it asked although nobody waits")
	}
}
