package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/chaos/runner/internal/ramp"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// A cluster that cannot be reached is neither a usage error nor a limit of the service.
func TestALoadTestOfAClusterThatDoesNotAnswerIsNotJudged(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // nobody listens there any more
	kubeconfig, out := filepath.Join(t.TempDir(), "kubeconfig"), filepath.Join(t.TempDir(), "report.json")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %q}}]\nusers: [{name: u, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n", server.URL)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := execute(t.Context(), []string{"load-test", "--root", filepath.Join("..", "..", "..", ".."), "--target", "cluster", "--kubeconfig", kubeconfig, "--context", "c", "--out", out, "--format", "json"}, streams{in: strings.NewReader(""), out: &stdout, err: &stderr})
	var r ramp.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s%s", err, &stdout, &stderr)
	}
	if code != 3 || r.Verdict != result.Inconclusive || r.Reason != result.TargetUnreachable || len(r.Steps) > 0 || r.Sustained != nil {
		t.Errorf("exit code %d: %s%s", code, &stdout, &stderr)
	}
	if kept, err := os.ReadFile(out); err != nil || !bytes.Contains(kept, []byte("target-unreachable")) {
		t.Errorf("%v: %s", err, kept)
	}
}

func TestWhyALoadTestCouldNotBegin(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want result.Reason
	}{
		"it began":                       {nil, ""},
		"a mistake":                      {usageError{errors.New("x")}, ""},
		"somebody else has the machine":  {fmt.Errorf("wait: %w", fault.ErrBusy), result.Busy},
		"Prometheus does not answer":     {fmt.Errorf("ask: %w", prom.ErrUnreachable), result.PrometheusUnreachable},
		"Prometheus scrapes nothing":     {fmt.Errorf("ask: %w", prom.ErrNoData), result.NoData},
		"the API server does not answer": {fmt.Errorf("ask: %w", fault.ErrUnreachable), result.TargetUnreachable},
	} {
		if got := unreached(tc.err); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
