package load

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const podURL = "http://monitor.test/api/v1/cpu"

// askPod does what Prometheus does for one pod.
func askPod(t *testing.T, p *Pods, target, timeout string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/probe?target="+url.QueryEscape(target), nil)
	if timeout != "" {
		r.Header.Set(scrapeTimeout, timeout)
	}
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, r)
	return rec
}

func newTestPods(t *testing.T, dial dialFunc) *Pods {
	t.Helper()
	p, err := NewPods(PodsConfig{URL: podURL, Port: 8080})
	if err != nil {
		t.Fatal(err)
	}
	p.dial = dial
	return p
}

func noDial(t *testing.T) dialFunc {
	return func(_ context.Context, _, addr string) (net.Conn, error) {
		t.Errorf("it dialled %s", addr)
		return nil, net.ErrClosed
	}
}

func TestNewPodsNamesEveryProblem(t *testing.T) {
	tests := map[string]struct {
		config PodsConfig
		want   []string
	}{
		"a URL without a scheme":     {PodsConfig{URL: "monitor/x", Port: 1}, []string{`pods url "monitor/x"`}},
		"another scheme":             {PodsConfig{URL: "gopher://monitor/x", Port: 1}, []string{"want http://host[:port]/path or https"}},
		"no port":                    {PodsConfig{URL: podURL}, []string{"pods port 0"}},
		"a path of another host":     {PodsConfig{URL: podURL, Port: 1, Path: "//169.254.169.254/x"}, []string{`pods path "//169.254.169.254/x"`}},
		"a path that is a URL":       {PodsConfig{URL: podURL, Port: 1, Path: "http://elsewhere/"}, []string{`pods path "http://elsewhere/"`}},
		"a name that is not text":    {PodsConfig{URL: podURL, Port: 1, Name: "\xff"}, []string{"pods name"}},
		"a wrong URL and a port":     {PodsConfig{URL: "ftp://x"}, []string{`pods url "ftp://x"`, "pods port 0"}},
		"a password in a wrong URL":  {PodsConfig{URL: "ftp://sre:hunter2@x/", Port: 1}, []string{"sre:xxxxx@x"}},
		"a URL that cannot be read":  {PodsConfig{URL: "http://[::1", Port: 1}, []string{"pods url"}},
		"a path that cannot be read": {PodsConfig{URL: podURL, Port: 1, Path: "/%zz"}, []string{`pods path "/%zz"`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := NewPods(tt.config)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say: %s", err, want)
				}
			}
		})
	}
}

// Whoever reaches the handler may not reach further through it.
func TestOnlyPodsAreAsked(t *testing.T) {
	refused := map[string]struct{ target, want string }{
		"nothing":                          {"", "want IP:8080"},
		"a name":                           {"monitor:8080", "want IP:8080"},
		"an address without a port":        {"10.1.2.3", "want IP:8080"},
		"a URL":                            {"http://10.1.2.3:8080/secret", "want IP:8080"},
		"another port":                     {"10.1.2.3:10250", "only port 8080"},
		"this machine":                     {"127.0.0.1:8080", "only private addresses"},
		"this machine, in another form":    {"[::ffff:127.0.0.1]:8080", "only private addresses"},
		"any address of this machine":      {"0.0.0.0:8080", "only private addresses"},
		"a cloud's credentials":            {"169.254.169.254:8080", "only private addresses"},
		"the link":                         {"[fe80::1]:8080", "only private addresses"},
		"a private address with a zone":    {"[fd00::1%eth0]:8080", "only private addresses"},
		"the internet":                     {"93.184.216.34:8080", "only private addresses"},
		"many":                             {"224.0.0.1:8080", "only private addresses"},
		"just below the shared addresses":  {"100.63.255.255:8080", "only private addresses"},
		"just beyond the shared addresses": {"100.128.0.0:8080", "only private addresses"},
	}
	for name, tt := range refused {
		t.Run("not "+name, func(t *testing.T) {
			rec := askPod(t, newTestPods(t, noDial(t)), tt.target, "")
			if rec.Code != http.StatusBadRequest || !strings.Contains(rec.Body.String(), tt.want) {
				t.Errorf("status %d: %s\ndoes not say: %s", rec.Code, rec.Body, tt.want)
			}
		})
	}
	for ip, dialled := range map[string]string{
		"10.1.2.3": "10.1.2.3", "172.31.0.9": "172.31.0.9", "192.168.7.7": "192.168.7.7", "100.64.0.1": "100.64.0.1",
		"[fd00::7]": "[fd00::7]", "[::ffff:100.64.0.1]": "100.64.0.1",
	} {
		t.Run(ip, func(t *testing.T) {
			var asked sync.Map
			rec := askPod(t, newTestPods(t, func(_ context.Context, network, addr string) (net.Conn, error) {
				asked.Store(network+" "+addr, true)
				return nil, net.ErrClosed
			}), ip+":8080", "")
			if _, ok := asked.Load("tcp " + dialled + ":8080"); !ok || rec.Code != http.StatusOK {
				t.Errorf("status %d: %s", rec.Code, rec.Body)
			}
		})
	}
}

func TestTwoTargetsAreNone(t *testing.T) {
	rec := httptest.NewRecorder()
	newTestPods(t, noDial(t)).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/probe?target=10.0.0.1:8080&target=10.0.0.2:8080", nil))
	if rec.Code != http.StatusBadRequest {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
}

// A late answer is not a measurement: Prometheus has gone by then.
func TestARoundEndsWellBeforeItsScrape(t *testing.T) {
	tests := map[string]time.Duration{
		"": time.Second, "1.6": 1280 * time.Millisecond, "0.1": 80 * time.Millisecond,
		"3600": 10 * time.Second, "1e300": 10 * time.Second, "+Inf": 10 * time.Second,
	}
	for header, want := range tests {
		t.Run(header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				rec := askPod(t, newTestPods(t, func(ctx context.Context, _, _ string) (net.Conn, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}), "10.1.2.3:8080", header)
				if got := time.Since(start); got != want {
					t.Errorf("it took %s, want %s", got, want)
				}
				if !hasLine(rec.Body.String(), `probe_pod_failures{probe="monitor",reason="connect"} `+strconv.Itoa(podTries)) {
					t.Errorf("%s", rec.Body)
				}
			})
		})
	}
	for _, header := range []string{"0", "-1", "NaN", "soon", "1s"} {
		t.Run("refused: "+header, func(t *testing.T) {
			if rec := askPod(t, newTestPods(t, noDial(t)), "10.1.2.3:8080", header); rec.Code != http.StatusBadRequest {
				t.Errorf("status %d: %s", rec.Code, rec.Body)
			}
		})
	}
}

func TestMoreRoundsThanThereMayBeAreRefused(t *testing.T) {
	p := newTestPods(t, noDial(t))
	for range maxRounds {
		p.rounds <- struct{}{}
	}
	if rec := askPod(t, p, "10.1.2.3:8080", ""); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
}

func TestARoundMakesRoomForTheNext(t *testing.T) {
	p := newTestPods(t, func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed })
	askPod(t, p, "10.1.2.3:8080", "")
	if n := len(p.rounds); n != 0 {
		t.Errorf("%d are under way", n)
	}
}

// Whoever asks and leaves is not worked for.
func TestARoundEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := newTestPods(t, func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			t.Cleanup(func() { _ = server.Close() })
			return client, nil // nobody reads what is sent
		})
		time.AfterFunc(100*time.Millisecond, cancel)
		start := time.Now()
		p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/probe?target=10.1.2.3:8080", nil))
		if got := time.Since(start); got != 100*time.Millisecond {
			t.Errorf("it took %s", got)
		}
	})
}
