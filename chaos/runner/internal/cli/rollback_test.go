package cli

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// promotedAgo is a repository to whose prod a pair was promoted.
func promotedAgo(t *testing.T, ago time.Duration) checkout {
	t.Helper()
	s := newCheckout(t)
	t.Setenv("GIT_COMMITTER_DATE", time.Now().Add(-ago).Format(time.RFC3339))
	s.write(promotion.PairFile("prod"), string(s.pair.Text()))
	s.commit("Promote " + s.pair.Revision[:12] + " to prod")
	if err := os.Unsetenv("GIT_COMMITTER_DATE"); err != nil {
		t.Fatal(err)
	}
	return s
}

// alerting is a Prometheus that evaluates rules of an SLO and in which an alert has fired,
// from and until so long ago, each span by itself.
func alerting(t *testing.T, labels map[string]string, spans ...[2]time.Duration) string {
	t.Helper()
	heartbeat := map[string]string{"__name__": prom.Heartbeat, "slo": "monitor-availability"}
	return remembering(t, filled(labels, spans...), filled(heartbeat, [2]time.Duration{3 * time.Hour, 0}))
}

// filled has a sample every five seconds of each span; without labels it has none.
func filled(labels map[string]string, spans ...[2]time.Duration) prom.Series {
	now, one := time.Now(), prom.Series{Labels: labels}
	if labels == nil {
		return one
	}
	for _, span := range spans {
		for ago := span[0]; ago >= span[1]; ago -= 5 * time.Second {
			one.Points = append(one.Points, prom.Sample{T: now.Add(-ago), V: 1})
		}
	}
	return one
}

// remembering is a Prometheus with a target and these series.
func remembering(t *testing.T, series ...prom.Series) string {
	t.Helper()
	server, err := promserver.Open(promserver.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	all := []prom.Series{filled(map[string]string{"__name__": "up", "job": "probe"}, [2]time.Duration{3 * time.Hour, 0})}
	for _, one := range series {
		if one.Labels != nil {
			all = append(all, one)
		}
	}
	if err := server.Backfill(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.Handler())
	t.Cleanup(web.Close)
	return web.URL
}

func page() map[string]string {
	return map[string]string{
		"__name__": "ALERTS", "alertname": "MonitorAvailabilityBudgetBurn", "alertstate": "firing", "severity": "page",
		"slo": "monitor-availability", "long_window": "1h",
	}
}

func with(labels map[string]string, key, value string) map[string]string {
	labels[key] = value
	return labels
}

func TestARollbackIsProposedWhenABudgetBeganToBurn(t *testing.T) {
	since := func(from, until time.Duration) [2]time.Duration { return [2]time.Duration{from, until} }
	const minute = time.Minute
	for name, tc := range map[string]struct {
		ago    time.Duration
		labels map[string]string
		fired  [][2]time.Duration
		says   string // why not; empty: it is proposed
	}{
		"a page that fires since":                 {30 * minute, page(), [][2]time.Duration{since(20*minute, 0)}, ""},
		"a page that has fired since":             {90 * minute, page(), [][2]time.Duration{since(60*minute, 50*minute)}, ""},
		"a page before, and again since":          {30 * minute, page(), [][2]time.Duration{since(50*minute, 25*minute), since(10*minute, 0)}, ""},
		"a page that had fired before":            {30 * minute, page(), [][2]time.Duration{since(40*minute, 0)}, "no budget has begun to burn"},
		"a page more than an hour later":          {90 * minute, page(), [][2]time.Duration{since(20*minute, 0)}, "no budget has begun to burn"},
		"a ticket":                                {30 * minute, with(page(), "severity", "ticket"), [][2]time.Duration{since(20*minute, 0)}, "no budget has begun to burn"},
		"a page that is about no budget":          {30 * minute, with(page(), "long_window", ""), [][2]time.Duration{since(20*minute, 0)}, "no budget has begun to burn"},
		"a page that may fire yet":                {30 * minute, with(page(), "alertstate", "pending"), [][2]time.Duration{since(20*minute, 0)}, "no budget has begun to burn"},
		"no page at all":                          {30 * minute, nil, nil, "no budget has begun to burn"},
		"a page, and a promotion of another day":  {26 * time.Hour, page(), [][2]time.Duration{since(20*minute, 0)}, "was 26h0m0s ago"},
		"a page right after a promotion, and not": {30 * minute, page(), [][2]time.Duration{since(29*minute, 28*minute)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := promotedAgo(t, tc.ago)
			before := s.git("rev-parse", "main")
			code, out, errOut := call("rollback", "--root", s.dir, "--environment", "prod", "--format", "json", "--prometheus-url", alerting(t, tc.labels, tc.fired...))
			var said proposal
			if err := json.Unmarshal([]byte(out), &said); err != nil || code != exitOK {
				t.Fatalf("exit %d: %v: %s%s", code, err, out, errOut)
			}
			if s.git("rev-parse", "main") != before || s.git("status", "--porcelain") != "" {
				t.Error("the branch that is deployed has moved")
			}
			if tc.says != "" {
				if said.Proposed || !strings.Contains(said.Why, tc.says) || s.git("branch", "--list", "rollback/*") != "" {
					t.Errorf("it proposes %+v", said)
				}
				return
			}
			if !said.Proposed || s.git("rev-parse", said.SourceBranch) != said.Commit || s.git("rev-parse", said.Commit+"^") != before {
				t.Fatalf("it proposes %+v", said)
			}
			if got := s.git("diff", "--name-only", said.Commit+"~2", said.Commit); got != "" {
				t.Errorf("it does not take all of it back, and nothing else: %q", got)
			}
			if !strings.HasPrefix(said.Title, `Revert "Promote `) || !strings.Contains(said.Description, "- MonitorAvailabilityBudgetBurn of monitor-availability: fired at ") {
				t.Errorf("it says %s\n%s", said.Title, said.Description)
			}
		})
	}
}

func TestARollbackIsProposedOnceAndPushesNoOtherBranch(t *testing.T) {
	s := promotedAgo(t, 10*time.Minute)
	remote := t.TempDir()
	s.git("init", "--quiet", "--bare", "--initial-branch=main", remote)
	s.git("remote", "add", "origin", remote)
	s.git("push", "--quiet", "origin", "main")
	server := alerting(t, page(), [2]time.Duration{5 * time.Minute, 0})
	var first string
	for range 2 {
		code, out, errOut := call("rollback", "--root", s.dir, "--environment", "prod", "--push", "origin", "--prometheus-url", server)
		if code != exitOK || !strings.Contains(out, "main is as it was") {
			t.Fatalf("exit %d: %s%s", code, out, errOut)
		}
		refs := s.git("ls-remote", "origin")
		if first != "" && refs != first {
			t.Errorf("the second time changed something: %s", refs)
		}
		if first = refs; strings.Count(refs, "refs/heads/") != 2 || !strings.Contains(refs, s.git("rev-parse", "main")+"\trefs/heads/main") {
			t.Errorf("the remote has %s", refs)
		}
	}
}

func TestARollbackThatNobodyCanJudgeIsNotProposed(t *testing.T) {
	s := promotedAgo(t, 10*time.Minute)
	empty, err := promserver.Open(promserver.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	nothing := httptest.NewServer(empty.Handler())
	defer nothing.Close()
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a Prometheus that is not there":       {[]string{"--environment", "prod", "--prometheus-url", "http://127.0.0.1:1"}, 3, "nothing was proposed"},
		"a Prometheus that has nothing":        {[]string{"--environment", "prod", "--prometheus-url", nothing.URL}, 3, "scrapes no target"},
		"a Prometheus without rules":           {[]string{"--environment", "prod", "--prometheus-url", remembering(t)}, 3, "evaluates no rules of SLOs"},
		"rules of resources alone":             {[]string{"--environment", "prod", "--prometheus-url", remembering(t, filled(map[string]string{"__name__": prom.Heartbeat}, [2]time.Duration{time.Hour, 0}))}, 3, "evaluates no rules of SLOs"},
		"rules that are evaluated no more":     {[]string{"--environment", "prod", "--prometheus-url", remembering(t, filled(map[string]string{"__name__": prom.Heartbeat, "slo": "x"}, [2]time.Duration{time.Hour, 10 * time.Minute}))}, 3, "evaluates no rules of SLOs"},
		"a remote that is not there":           {[]string{"--environment", "prod", "--prometheus-url", nothing.URL, "--push", "nowhere"}, 3, "nothing was proposed"},
		"an environment without a promotion":   {[]string{"--environment", "dev", "--prometheus-url", nothing.URL}, exitOK, "dev stays: the last change is not a promotion"},
		"no environment and no Prometheus":     {nil, exitUsage, "--environment is missing"},
		"an invalid environment":               {[]string{"--environment", "Prod!", "--prometheus-url", nothing.URL}, exitUsage, `--environment "Prod!" cannot be the name of an environment`},
		"an invalid time":                      {[]string{"--environment", "prod", "--prometheus-url", nothing.URL, "--within", "0s"}, exitUsage, "--within 0s"},
		"a remote that looks like an option":   {[]string{"--environment", "prod", "--prometheus-url", nothing.URL, "--push=-x"}, exitUsage, `--push "-x" begins with a dash`},
		"a directory that is not a repository": {[]string{"--environment", "prod", "--prometheus-url", nothing.URL, "--root", t.TempDir()}, exitUsage, "--root"},
		"an invalid address of the server":     {[]string{"--environment", "prod", "--prometheus-url", "there"}, exitUsage, "--prometheus-url"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := call(append([]string{"rollback", "--root", s.dir}, tc.args...)...)
			if code != tc.code || !strings.Contains(out+errOut, tc.says) {
				t.Errorf("exit %d, want %d and %q: %s%s", code, tc.code, tc.says, out, errOut)
			}
		})
	}
}
