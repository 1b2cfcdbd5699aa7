package app

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

func TestShowPrintsWhatAMonitorShows(t *testing.T) {
	api, err := httpapi.New(httpapi.Config{
		Snapshot: func() *sample.Snapshot { return sampletest.Fixture(time.Now()) }, Collectors: sample.Names(),
		Registry: prometheus.NewRegistry(), Metrics: http.NotFoundHandler(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix("/below", api))
	defer server.Close()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"show", server.URL + "/below/"}, &out, &errs, nil); code != ExitOK {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	for _, row := range []string{"HOST AND OWN CGROUP", "Memory used", "FILE SYSTEMS", "/mnt/nas", "DISKS", "vda", "NETWORK INTERFACES", "eth0", "node-1", "PROCESSES", "young"} {
		if !strings.Contains(out.String(), row) {
			t.Errorf("no %q in:\n%s", row, &out)
		}
	}
}

func TestShowSaysWhatIsWrong(t *testing.T) {
	sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/early"):
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"detail":"no collector gave a reading yet"}`))
		case strings.HasPrefix(r.URL.Path, "/other"):
			_, _ = w.Write([]byte("<html>"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer sick.Close()
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"two addresses":           {[]string{"http://a", "http://b"}, ExitUsage, "one URL at most"},
		"no URL":                  {[]string{"node-1:8080"}, ExitUsage, `"node-1:8080" is no URL of a monitor`},
		"another scheme":          {[]string{"ftp://node-1"}, ExitUsage, "is no URL"},
		"nobody listens":          {[]string{"http://127.0.0.1:1"}, ExitInternal, "connection refused"},
		"nothing was read yet":    {[]string{sick.URL + "/early"}, ExitInternal, "503 Service Unavailable: no collector gave a reading yet"},
		"it is no monitor":        {[]string{sick.URL}, ExitInternal, "404 Not Found"},
		"it is something else":    {[]string{sick.URL + "/other"}, ExitInternal, "the snapshot: invalid character"},
		"a flag of serving":       {[]string{"--interval=1s"}, ExitUsage, "unknown flag"},
		"a password is not shown": {[]string{"http://user:secret@127.0.0.1:1"}, ExitInternal, "user:xxxxx@127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), append([]string{"show"}, tc.args...), &out, &errs, nil); code != tc.code || !strings.Contains(errs.String(), tc.want) || out.Len() > 0 {
				t.Errorf("exit code %d, %q on stderr, %q on stdout", code, &errs, &out)
			}
		})
	}
}
