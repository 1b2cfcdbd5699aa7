package access

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/access/accesstest"
)

const token = "0123456789abcdef0123"

func TestWhoIsAdmitted(t *testing.T) {
	dir := t.TempDir()
	users := "basic_auth_users: {alice: " + accesstest.Hash(t, "wonder") + "}"
	for name, tc := range map[string]struct {
		web    string
		tokens bool
		ask    func(*http.Request)
		want   int
		ways   string // of WWW-Authenticate
	}{
		"nothing is restricted":              {"", false, func(*http.Request) {}, 0, ""},
		"a user":                             {users, false, func(r *http.Request) { r.SetBasicAuth("alice", "wonder") }, 0, ""},
		"a user with a wrong password":       {users, false, func(r *http.Request) { r.SetBasicAuth("alice", "x") }, 401, `Basic realm="monitor", charset="UTF-8"`},
		"nobody, where there are users":      {users, false, func(*http.Request) {}, 401, `Basic realm="monitor", charset="UTF-8"`},
		"nobody, where there are tokens":     {"", true, func(*http.Request) {}, 401, `Bearer realm="monitor"`},
		"nobody, where there are both":       {users, true, func(*http.Request) {}, 401, `Basic realm="monitor", charset="UTF-8", Bearer realm="monitor"`},
		"a token":                            {"", true, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, 0, ""},
		"a token by another spelling":        {"", true, func(r *http.Request) { r.Header.Set("Authorization", "bearer  "+token) }, 0, ""},
		"a token beside users":               {users, true, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, 0, ""},
		"a user beside tokens":               {users, true, func(r *http.Request) { r.SetBasicAuth("alice", "wonder") }, 0, ""},
		"a wrong token":                      {users, true, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token+"4") }, 401, `Basic realm="monitor", charset="UTF-8", Bearer realm="monitor"`},
		"a token where there are only users": {users, false, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, 401, `Basic realm="monitor", charset="UTF-8"`},
		"a user where there are only tokens": {"", true, func(r *http.Request) { r.SetBasicAuth("alice", "wonder") }, 401, `Bearer realm="monitor"`},
		"a token as a password":              {users, true, func(r *http.Request) { r.SetBasicAuth("alice", token) }, 401, `Basic realm="monitor", charset="UTF-8", Bearer realm="monitor"`},
		"no credentials that there are":      {users, true, func(r *http.Request) { r.Header.Set("Authorization", "Basic !") }, 401, `Basic realm="monitor", charset="UTF-8", Bearer realm="monitor"`},
	} {
		t.Run(name, func(t *testing.T) {
			files := Files{Web: put(t, dir, "web.yaml", tc.web)}
			if tc.tokens {
				files.Tokens = put(t, dir, "tokens", token+"\n")
			}
			a, err := New(files, quiet())
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
			tc.ask(r)
			h := http.Header{}
			status, detail := a.Admit(h, r)
			if got := strings.Join(h.Values("WWW-Authenticate"), ", "); status != tc.want || got != tc.ways || (detail == "") != (status == 0) {
				t.Errorf("%d %q, ways %q; want %d, %q", status, detail, got, tc.want, tc.ways)
			}
		})
	}
}

func TestARateLimitTurnsRequestsAwayAndHeadersAreSet(t *testing.T) {
	a, err := New(Files{Web: put(t, t.TempDir(), "web.yaml", "rate_limit: {interval: 1h, burst: 2}\nhttp_server_config: {headers: {Strict-Transport-Security: max-age=1}}")}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{0, 0, http.StatusTooManyRequests} {
		h := http.Header{}
		status, _ := a.Admit(h, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		if status != want || h.Get("Strict-Transport-Security") != "max-age=1" || (h.Get("Retry-After") != "") != (status != 0) {
			t.Errorf("%d with %v, want %d", status, h, want)
		}
	}
}

// serveTLS returns the URL of a server that is set up as the monitor is, and
// answers with the protocol or the status of the refusal.
func serveTLS(t *testing.T, a *Access) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, _ := a.Admit(w.Header(), r); status != 0 && r.URL.Path != "/healthz" {
			w.WriteHeader(status)
			return
		}
		_, _ = io.WriteString(w, r.Proto) // the client sees what is missing
	}))
	server := s.Config
	server.TLSConfig = a.TLS()
	done := make(chan struct{})
	go func() { _ = server.ServeTLS(s.Listener, "", ""); close(done) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return "https://" + s.Listener.Addr().String()
}

func TestTLSAsTheFileSays(t *testing.T) {
	dir := t.TempDir()
	ours, theirs := accesstest.NewAuthority(t), accesstest.NewAuthority(t)
	ours.Write(t, dir, 2)
	const base = "tls_server_config: {cert_file: tls.crt, key_file: tls.key"
	certificate := func(of *accesstest.Authority) []tls.Certificate { return []tls.Certificate{of.Certificate(t, 3)} }
	const required = base + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt"
	for name, tc := range map[string]struct {
		web    string
		client []tls.Certificate
		path   string
		want   string // the body, the status, or that there was no connection
	}{
		"HTTP/2 by default":                      {base + "}", nil, "/", "HTTP/2.0"},
		"HTTP/1.1 where the file says so":        {base + "}\nhttp_server_config: {http2: false}", nil, "/", "HTTP/1.1"},
		"a client with a certificate":            {required + "}", certificate(ours), "/", "HTTP/2.0"},
		"a client without one":                   {required + "}", nil, "/", "403"},
		"a probe without one":                    {required + "}", nil, "/healthz", "HTTP/2.0"},
		"a client of another authority":          {required + "}", certificate(theirs), "/", "no connection"},
		"any certificate, where any will do":     {base + ", client_auth_type: RequireAnyClientCert}", certificate(theirs), "/", "HTTP/2.0"},
		"none, where any will do":                {base + ", client_auth_type: RequireAnyClientCert}", nil, "/", "403"},
		"a name that is allowed":                 {required + ", client_allowed_sans: [localhost]}", certificate(ours), "/", "HTTP/2.0"},
		"a name that is not allowed":             {required + ", client_allowed_sans: [other]}", certificate(ours), "/", "no connection"},
		"a probe where names have to be allowed": {required + ", client_allowed_sans: [other]}", nil, "/healthz", "HTTP/2.0"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := New(Files{Web: put(t, dir, "web.yaml", tc.web)}, quiet())
			if err != nil {
				t.Fatal(err)
			}
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ours.Pool(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(tc.client) > 0 {
					return &tc.client[0], nil
				}
				return new(tls.Certificate), nil
			}}, ForceAttemptHTTP2: true}
			defer transport.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, serveTLS(t, a)+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			resp, err := transport.RoundTrip(req)
			if err != nil {
				// What the client hears of it, if anything, depends on how fast it is.
				got = "no connection"
			} else {
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if got = string(body); got == "" {
					got = resp.Status
				}
			}
			if !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
