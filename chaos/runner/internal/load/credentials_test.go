package load

import (
	"context"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsWrongWithCredentialsIsSaidAndNotShown(t *testing.T) {
	const secret = "0123456789abcdef"
	for name, tt := range map[string]struct {
		token, authorities string // paths
		says               []string
	}{
		"neither":                          {"", "", nil},
		"a token":                          {written(t, secret), "", nil},
		"a token below a comment":          {written(t, "# of the probe\n\n"+secret+"\n"), "", nil},
		"an empty file":                    {written(t, ""), "", []string{"the file has no token"}},
		"a comment alone":                  {written(t, "# later\n"), "", []string{"the file has no token"}},
		"a token of two words":             {written(t, "\n"+secret+" x\n"), "", []string{"line 2: a token may only have"}},
		"a token that ends a header":       {written(t, secret+"\rX: y"), "", []string{"line 1: a token may only have"}},
		"a token that is gone":             {"/nowhere/token", "", []string{"/nowhere/token: no such file"}},
		"authorities that are none":        {"", written(t, secret), []string{"the file has no certificate"}},
		"a token and authorities are gone": {"/nowhere/token", "/nowhere/ca.crt", []string{"/nowhere/token", "/nowhere/ca.crt"}},
		"a file that is not credentials":   {written(t, strings.Repeat("x", maxCredentials+1)), "", []string{"larger than"}},
		"a directory":                      {t.TempDir(), "", []string{"is a directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ReadCredentials(tt.token, tt.authorities)
			if (err == nil) != (tt.says == nil) || (err != nil && c != nil) {
				t.Fatalf("%v, %v", c, err)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("want %q: %v", part, err)
				}
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
}

func TestCredentialsThatDoNotGoWithTheURL(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	authorities := written(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	both, err := ReadCredentials(written(t, "token"), authorities)
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(Config{URL: "http://user:password@monitor/", Rate: 1, Credentials: both, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "both a token and a user") || !strings.Contains(err.Error(), "no effect over http") {
		t.Errorf("got %v", err)
	}
}

// knows serves who has the token, and counts the others.
func knows(token string, strangers *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			strangers.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
}

func TestTheTokenIsSentToAServerWhoseAuthorityIsTrusted(t *testing.T) {
	var strangers atomic.Int64
	server := httptest.NewUnstartedServer(knows("s3cret-token", &strangers))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	defer server.Close()
	authorities := written(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	for name, tt := range map[string]struct {
		token, authorities string
		want               map[string]uint64 // failures
	}{
		"with both":                  {written(t, "s3cret-token\n"), authorities, nil},
		"with another token":         {written(t, "another-token\n"), authorities, map[string]uint64{"status": 5}},
		"without the authority":      {written(t, "s3cret-token\n"), "", map[string]uint64{"connect": 5}},
		"with the authority, and no": {"", authorities, map[string]uint64{"status": 5}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ReadCredentials(tt.token, tt.authorities)
			if err != nil {
				t.Fatal(err)
			}
			g := newTestGenerator(t, Config{URL: server.URL, Rate: 50, Duration: 100 * time.Millisecond, Timeout: time.Minute, Credentials: c})
			if err := g.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := g.Stats()
			if got.Scheduled != 5 || len(got.Failures) != len(tt.want) {
				t.Errorf("got %+v, want the failures %v", got, tt.want)
			}
			for why, n := range tt.want {
				if got.Failures[why] != n {
					t.Errorf("got %+v, want the failures %v", got, tt.want)
				}
			}
		})
	}
}

func TestPodsAreShownTheToken(t *testing.T) {
	c, err := ReadCredentials(written(t, "s3cret-token"), "")
	if err != nil {
		t.Fatal(err)
	}
	var strangers, all atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all.Add(1)
		knows("s3cret-token", &strangers)(w, r)
	}))
	defer server.Close()
	p, err := NewPods(PodsConfig{URL: "http://monitor.test/", Port: 8080, Credentials: c})
	if err != nil {
		t.Fatal(err)
	}
	direct := p.dial
	p.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return direct(ctx, network, strings.TrimPrefix(server.URL, "http://"))
	}
	if got := askPod(t, p, "10.0.0.1:8080", ""); got.Code != http.StatusOK || strangers.Load() != 0 || all.Load() != podTries {
		t.Errorf("%d: of %d requests %d are without the token: %s", got.Code, all.Load(), strangers.Load(), got.Body)
	}
}

func TestPodsShowACertificateOfTheirService(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	defer server.Close()
	trusted, err := ReadCredentials("", written(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))))
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	for name, tt := range map[string]struct {
		url, address string
		credentials  *Credentials
		want         string
	}{
		"that it has":                   {"https://example.com/x", server.Listener.Addr().String(), trusted, `probe_pod_requests{outcome="success",probe="example"} 5`},
		"that it does not have":         {"https://monitor.test/x", server.Listener.Addr().String(), trusted, `probe_pod_failures{probe="monitor",reason="connect"} 5`},
		"of an authority not trusted":   {"https://example.com/x", server.Listener.Addr().String(), nil, `probe_pod_failures{probe="example",reason="connect"} 5`},
		"that it is too frozen to show": {"https://example.com/x", frozen.Addr().String(), trusted, `probe_pod_failures{probe="example",reason="timeout"} 5`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewPods(PodsConfig{URL: tt.url, Port: 8080, Credentials: tt.credentials})
			if err != nil {
				t.Fatal(err)
			}
			direct, timeout := p.dial, "10"
			if strings.Contains(tt.want, "timeout") {
				timeout = "0.5"
			}
			p.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return direct(ctx, network, tt.address)
			}
			if got := askPod(t, p, "10.0.0.1:8080", timeout); !hasLine(got.Body.String(), tt.want) {
				t.Errorf("no %s in:\n%s", tt.want, got.Body)
			}
		})
	}
}

func TestATokenIsRenewedAndSurvivesAFileThatIsWrong(t *testing.T) {
	path := written(t, "the-first-token")
	c, err := ReadCredentials(path, "")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var keeping sync.WaitGroup
		defer keeping.Wait()
		defer cancel()
		var log strings.Builder
		keeping.Go(func() { c.keep(ctx, slog.New(slog.NewTextHandler(&log, nil))) })
		for _, step := range []struct{ text, want string }{
			{"the-second-token", "the-second-token"}, {"", "the-second-token"}, {"two words", "the-second-token"}, {"the-third-token", "the-third-token"},
		} {
			if err := os.WriteFile(path, []byte(step.text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(renewal)
			synctest.Wait()
			if got := c.header().Get("Authorization"); got != "Bearer "+step.want {
				t.Errorf("after %q it sends %q", step.text, got)
			}
		}
		if n := strings.Count(log.String(), "cannot be read again"); n != 1 {
			t.Errorf("it was said %d times, want once: %s", n, &log)
		}
	})
}

func FuzzParseToken(f *testing.F) {
	for _, text := range []string{"", "token", "# comment\ntoken\n", "two words", "\r\ntoken\r\n", "\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		token, err := parseToken(text)
		if (token == "") != (err != nil) || strings.ContainsAny(token, " \r\n\x00") {
			t.Errorf("%q, %v", token, err)
		}
	})
}
