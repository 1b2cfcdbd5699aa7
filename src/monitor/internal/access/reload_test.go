package access

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ballast-sre/ballast/src/monitor/internal/access/accesstest"
)

// journal is a log that may be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Reset()
}

// followed runs a test in a bubble, beside Run on the files of a directory.
func followed(t *testing.T, dir string, test func(*testing.T, *Access, chan<- os.Signal, *journal)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var logs journal
		a, err := New(Files{Web: filepath.Join(dir, "web.yaml"), Tokens: filepath.Join(dir, "tokens")}, slog.New(slog.NewJSONHandler(&logs, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		signals := make(chan os.Signal, 1)
		var running sync.WaitGroup
		running.Go(func() { a.Run(ctx, signals) })
		synctest.Wait()
		test(t, a, signals, &logs)
		cancel()
		running.Wait()
	})
}

// pass lets time pass and waits for what it brings.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func bearer(t *testing.T, a *Access, token string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	status, _ := a.Admit(http.Header{}, r)
	return status
}

func serial(t *testing.T, a *Access) int64 {
	t.Helper()
	cfg, err := a.TLS().GetConfigForClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cfg.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.SerialNumber.Int64()
}

// counted compares the metrics but for the time.
func counted(t *testing.T, a *Access, failures, successful string) {
	t.Helper()
	want := `# HELP monitor_config_last_reload_successful 1 if the web configuration and the tokens in use are those of the files.
# TYPE monitor_config_last_reload_successful gauge
monitor_config_last_reload_successful ` + successful + `
# HELP monitor_config_reload_failures_total Attempts to read the web configuration and the tokens again that failed.
# TYPE monitor_config_reload_failures_total counter
monitor_config_reload_failures_total ` + failures + "\n"
	registry := prometheus.NewRegistry()
	if err := errors.Join(registry.Register(a), testutil.GatherAndCompare(registry, strings.NewReader(want), "monitor_config_last_reload_successful", "monitor_config_reload_failures_total")); err != nil {
		t.Error(err)
	}
}

func TestChangesAreFollowedAndBadOnesAreNot(t *testing.T) {
	dir := t.TempDir()
	authority := accesstest.NewAuthority(t)
	authority.Write(t, dir, 2)
	const tls = "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n"
	put(t, dir, "web.yaml", tls)
	put(t, dir, "tokens", token+"\n")
	followed(t, dir, func(t *testing.T, a *Access, signals chan<- os.Signal, logs *journal) {
		within := 30 * time.Second
		loaded := a.succeeded.Load()

		pass(time.Hour)
		if a.succeeded.Load() != loaded || strings.Count(logs.String(), "\n") != 1 {
			t.Errorf("without a change: %s", logs)
		}
		counted(t, a, "0", "1")

		put(t, dir, "tokens", "another-token-of-length\n")
		pass(within)
		if old, young := bearer(t, a, token), bearer(t, a, "another-token-of-length"); old != 401 || young != 0 {
			t.Errorf("after a change of tokens: %d, %d", old, young)
		}

		authority.Write(t, dir, 7)
		pass(within)
		if got := serial(t, a); got != 7 {
			t.Errorf("certificate %d after a change to 7", got)
		}
		counted(t, a, "0", "1")

		logs.Reset()
		put(t, dir, "tls.key", "no key")
		put(t, dir, "tokens", "short\n")
		pass(time.Hour)
		if got := serial(t, a); got != 7 || bearer(t, a, "another-token-of-length") != 0 {
			t.Errorf("bad files are in use: certificate %d", got)
		}
		if text := logs.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "line 1") || !strings.Contains(text, "web.yaml") {
			t.Errorf("bad files are to be said once: %s", text)
		}
		counted(t, a, "1", "0")

		signals <- syscall.SIGHUP
		synctest.Wait()
		counted(t, a, "2", "0")

		authority.Write(t, dir, 8)
		put(t, dir, "tokens", token+"\n")
		signals <- syscall.SIGHUP
		synctest.Wait()
		if got := serial(t, a); got != 8 || bearer(t, a, token) != 0 {
			t.Errorf("after a signal: certificate %d", got)
		}
		counted(t, a, "2", "1")

		put(t, dir, "web.yaml", "")
		pass(within)
		if !strings.Contains(logs.String(), "restart it") || a.TLS() == nil {
			t.Errorf("TLS went off: %s", logs)
		}
		counted(t, a, "3", "0")

		if err := os.Remove(filepath.Join(dir, "web.yaml")); err != nil {
			t.Fatal(err)
		}
		pass(within)
		counted(t, a, "4", "0")
		put(t, dir, "web.yaml", tls)
		pass(within)
		counted(t, a, "4", "1")
	})
}

func TestFilesThatAreSwappedLikeAMountOfKubernetes(t *testing.T) {
	dir := t.TempDir()
	version := func(name, token string) {
		at := filepath.Join(dir, name)
		if err := os.Mkdir(at, 0o750); err != nil {
			t.Fatal(err)
		}
		put(t, at, "web.yaml", "")
		put(t, at, "tokens", token+"\n")
		if err := errors.Join(os.Symlink(name, filepath.Join(dir, "..data~")), os.Rename(filepath.Join(dir, "..data~"), filepath.Join(dir, "..data"))); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", token)
	for _, name := range []string{"web.yaml", "tokens"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	followed(t, dir, func(t *testing.T, a *Access, _ chan<- os.Signal, _ *journal) {
		version("..2", "another-token-of-length")
		pass(30 * time.Second)
		if got := bearer(t, a, "another-token-of-length"); got != 0 {
			t.Errorf("after the swap: %d", got)
		}
	})
}
