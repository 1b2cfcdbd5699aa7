package access

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/ballast-sre/ballast/src/monitor/internal/access/accesstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// put writes a file of a test's directory and returns its path.
func put(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	// In one step, so that nobody reads half.
	if err := errors.Join(os.WriteFile(path+"~", []byte(content), 0o600), os.Rename(path+"~", path)); err != nil {
		t.Fatal(err)
	}
	return path
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestWhatIsWrongWithTheFilesIsSaidInOneGo(t *testing.T) {
	dir := t.TempDir()
	accesstest.NewAuthority(t).Write(t, dir, 2)
	put(t, dir, "empty.crt", "")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	const tls = "tls_server_config: {cert_file: tls.crt, key_file: tls.key"
	for name, tc := range map[string]struct {
		web  string
		want []string
	}{
		"a field that there is not":                       {"tls_server_confg: {}", []string{"tls_server_confg"}},
		"no YAML":                                         {"{", []string{"read the YAML"}},
		"a certificate without a key":                     {"tls_server_config: {cert_file: tls.crt}", []string{"key"}},
		"a certificate that is not there":                 {"tls_server_config: {cert_file: no.crt, key_file: tls.key}", []string{"no.crt"}},
		"a certificate that is a key":                     {"tls_server_config: {cert_file: tls.key, key_file: tls.key}", []string{"certificate"}},
		"a certificate that hangs":                        {"tls_server_config: {cert_file: pipe, key_file: tls.key}", []string{"pipe is not a regular file"}},
		"a version that there is not":                     {tls + ", min_version: TLS14}", []string{"TLS14"}},
		"a way to ask for certificates that there is not": {tls + ", client_auth_type: Maybe}", []string{"Maybe"}},
		"authorities without any":                         {tls + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: empty.crt}", []string{"client_ca_file"}},
		"a password as text":                              {"basic_auth_users: {alice: secret, bob: secret}", []string{`"alice"`, `"bob"`, "bcrypt", "htpasswd"}},
		"a header that may not be set":                    {"http_server_config: {headers: {X-Mine: a}}", []string{"X-Mine"}},
		"a limit of nothing":                              {"rate_limit: {interval: 1s}", []string{"rate_limit"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Files{Web: put(t, dir, "web.yaml", tc.web), Tokens: put(t, dir, "tokens", "tiny-one\n")}, quiet())
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(tc.want, "--web-config "+dir+"/web.yaml", "--token-file "+dir+"/tokens", "line 1") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
			for _, secret := range []string{"tiny-one", "secret"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q is in: %v", secret, err)
				}
			}
		})
	}
	for name, files := range map[string]Files{
		"no such file":             {Web: filepath.Join(dir, "none.yaml"), Tokens: filepath.Join(dir, "none")},
		"a directory":              {Web: dir, Tokens: dir},
		"a pipe":                   {Web: filepath.Join(dir, "pipe"), Tokens: filepath.Join(dir, "pipe")},
		"more than anybody writes": {Web: put(t, dir, "large", strings.Repeat("# \n", maxFile)), Tokens: filepath.Join(dir, "large")},
	} {
		if _, err := New(files, quiet()); err == nil || !strings.Contains(err.Error(), "--web-config") || !strings.Contains(err.Error(), "--token-file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileOfTheFormatIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	accesstest.NewAuthority(t).Write(t, dir, 2)
	for name, tc := range map[string]struct {
		web  string
		want func(*settings) bool
	}{
		"an empty file":    {"", func(s *settings) bool { return s.tls == nil && len(s.users) == 0 && s.limiter == nil }},
		"TLS":              {"tls_server_config: {cert_file: tls.crt, key_file: tls.key}", func(s *settings) bool { return s.tls.NextProtos[0] == "h2" && !s.expires.IsZero() && !s.certificate }},
		"without HTTP/2":   {"tls_server_config: {cert_file: tls.crt, key_file: tls.key}\nhttp_server_config: {http2: false}", func(s *settings) bool { return len(s.tls.NextProtos) == 1 && s.tls.NextProtos[0] == "http/1.1" }},
		"certificates":     {"tls_server_config: {cert_file: tls.crt, key_file: tls.key, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt}", func(s *settings) bool { return s.certificate && s.tls.SessionTicketsDisabled }},
		"absolute paths":   {"tls_server_config: {cert_file: " + dir + "/tls.crt, key_file: " + dir + "/tls.key}", func(s *settings) bool { return s.tls != nil }},
		"users":            {"basic_auth_users: {alice: " + accesstest.Hash(t, "x") + "}", func(s *settings) bool { return len(s.users) == 1 && s.passwords.decoy != "" }},
		"a rate and words": {"rate_limit: {interval: 1s, burst: 5}\nhttp_server_config: {headers: {Strict-Transport-Security: max-age=1}}", func(s *settings) bool { return s.limiter.Burst() == 5 && len(s.headers) == 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := New(Files{Web: put(t, dir, "web.yaml", tc.web)}, quiet())
			if err != nil {
				t.Fatal(err)
			}
			if s := a.current.Load(); !tc.want(s) {
				t.Errorf("settings %+v", s)
			}
		})
	}
}

func FuzzWebConfig(f *testing.F) {
	for _, seed := range []string{"", "tls_server_config: {cert_file: a, key_file: b}", "basic_auth_users: {a: b}", "rate_limit: {interval: -1s}", "{", "a: &a [*a]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := parse(content)
		if (c == nil) != (err != nil) {
			t.Errorf("%v, %v", c, err)
		}
	})
}
