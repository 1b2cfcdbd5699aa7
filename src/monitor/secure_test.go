package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/net/http2"

	"github.com/ballast-sre/ballast/src/monitor/internal/access/accesstest"
	"github.com/ballast-sre/ballast/src/monitor/internal/app"
)

// secured is the directory of a web configuration with TLS.
type secured struct {
	dir       string
	authority *accesstest.Authority
}

func newSecured(t *testing.T, more string) secured {
	t.Helper()
	s := secured{t.TempDir(), accesstest.NewAuthority(t)}
	s.authority.Write(t, s.dir, 2)
	s.write(t, "web.yaml", "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n"+more)
	return s
}

func (s secured) path(name string) string { return filepath.Join(s.dir, name) }

func (s secured) write(t *testing.T, name, content string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(s.path(name+"~"), []byte(content), 0o600), os.Rename(s.path(name+"~"), s.path(name))); err != nil {
		t.Fatal(err)
	}
}

// client trusts the authority. Each has connections of its own.
func (s secured) client(http2 bool) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: s.authority.Pool(), MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: http2,
	}}
}

// answer is what tests look at of one.
type answer struct {
	status, protocol int
	serial           int64 // of the certificate
	retryAfter, body string
}

func (m *monitor) ask(ctx context.Context, c *http.Client, path, user, password string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+m.address+path, nil)
	if err != nil {
		return answer{}, err
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return answer{
		resp.StatusCode, resp.ProtoMajor, resp.TLS.PeerCertificates[0].SerialNumber.Int64(), resp.Header.Get("Retry-After"), string(body),
	}, errors.Join(err, resp.Body.Close())
}

// answers says whether the answer has a status.
func (m *monitor) answers(ctx context.Context, c *http.Client, path, user, password string, status int) error {
	got, err := m.ask(ctx, c, path, user, password)
	if err == nil && got.status != status {
		err = fmt.Errorf("%s: status %d, want %d: %s", path, got.status, status, got.body)
	}
	return err
}

func TestTLSUsersAndTokens(t *testing.T) {
	s := newSecured(t, "basic_auth_users: {alice: "+accesstest.Hash(t, "wonder")+"}\n")
	s.write(t, "tokens", "0123456789abcdef\n")
	m := listening(t, "--web-config", s.path("web.yaml"), "--token-file", s.path("tokens"), "--drain-pause", "0s")
	c := s.client(true)
	defer c.CloseIdleConnections()
	eventually(t, "a probe without a password is ready", func() error { return m.answers(t.Context(), c, "/readyz", "", "", 200) })
	for _, path := range []string{"/metrics", "/api/v1/cpu", "/api/v1/stream"} {
		if err := m.answers(t.Context(), c, path, "", "", 401); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(
		m.answers(t.Context(), c, "/metrics", "alice", "wonder", 200),
		m.answers(t.Context(), c, "/metrics", "alice", "wrong", 401),
		m.answers(t.Context(), c, "/metrics", "bob", "wonder", 401),
	); err != nil {
		t.Error(err)
	}
	if got, _, err := m.get("/metrics"); err != nil || got != http.StatusBadRequest {
		t.Errorf("a request without TLS: %d, %v", got, err)
	}

	// A bad file changes nothing, a good one does.
	scrape := func(password, want string) error {
		got, err := m.ask(t.Context(), c, "/metrics", "alice", password)
		if err == nil && !strings.Contains(got.body, "\n"+want+"\n") {
			err = fmt.Errorf("status %d without %s", got.status, want)
		}
		return err
	}
	s.write(t, "web.yaml", "{")
	m.signal(t, syscall.SIGHUP)
	eventually(t, "the bad file is counted", func() error { return scrape("wonder", "monitor_config_last_reload_successful 0") })
	s.authority.Write(t, s.dir, 3)
	s.write(t, "web.yaml", "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\nbasic_auth_users: {alice: "+accesstest.Hash(t, "changed")+"}\n")
	m.signal(t, syscall.SIGHUP)
	eventually(t, "the good file is in use", func() error {
		c.CloseIdleConnections()
		return scrape("changed", "monitor_config_last_reload_successful 1")
	})
	c.CloseIdleConnections() // the last one may be from before the change
	if got, err := m.ask(t.Context(), c, "/metrics", "alice", "changed"); err != nil || got.status != 200 || got.protocol != 2 || got.serial != 3 {
		t.Errorf("after the change: status %d, HTTP/%d, certificate %d, %v", got.status, got.protocol, got.serial, err)
	}
	if err := m.answers(t.Context(), c, "/metrics", "alice", "wonder", 401); err != nil {
		t.Error(err)
	}
	m.signal(t, syscall.SIGTERM)
	wantExit(t, m.cmd, m.stderr, app.ExitOK)
	if n := strings.Count(m.stderr.String(), "stays as it was"); n != 1 {
		t.Errorf("the bad file is said %d times:\n%s", n, m.stderr)
	}
}

func TestADrainOverTLSLosesNoRequest(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			s := newSecured(t, "")
			m := listening(t, "--web-config", s.path("web.yaml"), "--drain-pause", "300ms")
			var asked atomic.Int64
			var clients sync.WaitGroup
			for range 4 {
				clients.Go(func() {
					c := s.client(http2)
					defer c.CloseIdleConnections()
					for {
						// Without a connection there is no request to lose: the port is
						// closed, or the kernel had accepted for it and nobody else.
						connected := false
						ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
						got, err := m.ask(ctx, c, "/healthz", "", "")
						switch {
						case err != nil && !connected:
							return
						case err != nil:
							t.Errorf("a request was lost: %v", err)
							return
						case got.status != http.StatusOK || (got.protocol == 2) != http2:
							t.Errorf("status %d, HTTP/%d", got.status, got.protocol)
							return
						}
						asked.Add(1)
					}
				})
			}
			eventually(t, "requests are under way", func() error {
				if n := asked.Load(); n < 200 {
					return fmt.Errorf("%d requests", n)
				}
				return nil
			})
			m.signal(t, syscall.SIGTERM)
			clients.Wait()
			wantExit(t, m.cmd, m.stderr, app.ExitOK)
			t.Logf("%d requests, none lost", asked.Load())
		})
	}
}

func TestARequestOnItsWayOnANewConnectionOfHTTP2IsAnswered(t *testing.T) {
	s := newSecured(t, "")
	m := listening(t, "--web-config", s.path("web.yaml"), "--drain-pause", "0s")
	d := tls.Dialer{Config: &tls.Config{RootCAs: s.authority.Pool(), NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}}
	conn, err := d.DialContext(t.Context(), "tcp", m.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // the server ends it
	client, err := new(http2.Transport).NewClientConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	// The server has seen the connection, and no request.
	if err := client.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.signal(t, syscall.SIGTERM)
	eventually(t, "new connections are refused", func() error {
		if _, _, err := m.get("/healthz"); !errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Errorf("got %w, want %w", err, syscall.ECONNREFUSED)
		}
		return nil
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+m.address+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.RoundTrip(req)
	if err != nil {
		t.Fatalf("the request was cut: %v", err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the request: %s, %v", resp.Status, err)
	}
	wantExit(t, m.cmd, m.stderr, app.ExitOK)
}

func TestAConnectionOverTheCapIsToldSoOverTLS(t *testing.T) {
	s := newSecured(t, "")
	m := listening(t, "--web-config", s.path("web.yaml"), "--max-connections", "1", "--drain-pause", "0s")
	first, second := s.client(true), s.client(true)
	defer first.CloseIdleConnections()
	defer second.CloseIdleConnections()
	if err := m.answers(t.Context(), first, "/healthz", "", "", 200); err != nil {
		t.Fatal(err)
	}
	got, err := m.ask(t.Context(), second, "/healthz", "", "")
	if err != nil || got.status != http.StatusServiceUnavailable || got.retryAfter != "1" {
		t.Errorf("one more: %+v, %v", got, err)
	}
	first.CloseIdleConnections()
	eventually(t, "there is room again", func() error {
		second.CloseIdleConnections()
		return m.answers(t.Context(), second, "/healthz", "", "", 200)
	})
	m.signal(t, syscall.SIGTERM)
	wantExit(t, m.cmd, m.stderr, app.ExitOK)
}
