package promserver_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	promapi "github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// stocked is a server with two minutes of two series until noon.
func stocked(t testing.TB, cfg promserver.Config) *promserver.Server {
	t.Helper()
	s := open(t, cfg)
	a, b := series("requests_total"), series("requests_total")
	a.Labels["code"], b.Labels["code"] = "200", "500"
	for i := range 121 {
		at := noon.Add(time.Duration(i-120) * time.Second)
		a.Points = append(a.Points, prom.Sample{T: at, V: float64(10 * i)})
		b.Points = append(b.Points, prom.Sample{T: at, V: float64(i)})
	}
	if err := s.Backfill(t.Context(), []prom.Series{a, b}); err != nil {
		t.Fatal(err)
	}
	return s
}

// The answers, byte by byte but for times and durations of the test's own run.
func TestGoldenAPIAnswers(t *testing.T) {
	s := stocked(t, promserver.Config{})
	hc := &http.Client{Transport: promserver.Transport(s.Handler())}
	at := "time=2026-01-01T12:00:00Z"
	span := "start=1767268798&end=1767268800&step=1"
	for name, tc := range map[string]struct {
		method, path, form string
	}{
		"query":                  {"GET", "/api/v1/query", at + "&query=requests_total"},
		"query-post":             {"POST", "/api/v1/query", at + "&query=requests_total"},
		"query-scalar":           {"GET", "/api/v1/query", "time=1767268800.5&query=1"},
		"query-string":           {"GET", "/api/v1/query", at + `&query="text"`},
		"query-matrix":           {"GET", "/api/v1/query", at + "&query=requests_total[2s]"},
		"query-empty":            {"GET", "/api/v1/query", at + "&query=missing"},
		"query-nan":              {"GET", "/api/v1/query", at + "&query=vector(NaN)"},
		"query-warning":          {"GET", "/api/v1/query", at + "&query=quantile(2,requests_total)"},
		"query-lookback":         {"GET", "/api/v1/query", "time=1767268810&lookback_delta=5s&query=requests_total"},
		"query-none":             {"GET", "/api/v1/query", at},
		"query-bad-time":         {"GET", "/api/v1/query", "query=up&time=noon"},
		"query-bad-expression":   {"GET", "/api/v1/query", "query=sum("},
		"query-bad-execution":    {"GET", "/api/v1/query", at + "&query=requests_total/on()requests_total"},
		"query-bad-timeout":      {"GET", "/api/v1/query", "query=up&timeout=-1"},
		"query-bad-form":         {"GET", "/api/v1/query", "query=%zz"},
		"query-timeout":          {"GET", "/api/v1/query", "query=requests_total&timeout=0.000000001"},
		"range":                  {"GET", "/api/v1/query_range", span + "&query=requests_total"},
		"range-post":             {"POST", "/api/v1/query_range", span + "&query=sum(rate(requests_total[10s]))"},
		"range-empty":            {"GET", "/api/v1/query_range", span + "&query=missing"},
		"range-without-step":     {"GET", "/api/v1/query_range", "start=1&end=2&query=up"},
		"range-zero-step":        {"GET", "/api/v1/query_range", "start=1&end=2&step=0&query=up"},
		"range-nan-step":         {"GET", "/api/v1/query_range", "start=1&end=2&step=NaN&query=up"},
		"range-tiny-step":        {"GET", "/api/v1/query_range", "start=1&end=2&step=1e-8&query=up"},
		"range-backwards":        {"GET", "/api/v1/query_range", "start=2&end=1&step=1&query=up"},
		"range-out-of-bounds":    {"GET", "/api/v1/query_range", "start=-1e300&end=1&step=1&query=up"},
		"range-too-many-steps":   {"GET", "/api/v1/query_range", "start=1&end=1767268800&step=1&query=up"},
		"labels":                 {"GET", "/api/v1/labels", ""},
		"labels-matched":         {"POST", "/api/v1/labels", "match[]=missing&match[]=requests_total&limit=1"},
		"labels-before-any":      {"GET", "/api/v1/labels", "end=1000"},
		"labels-of-all-time":     {"GET", "/api/v1/labels", "start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z"},
		"labels-bad-limit":       {"GET", "/api/v1/labels", "limit=-1"},
		"label-values":           {"GET", "/api/v1/label/code/values", ""},
		"label-values-name":      {"GET", "/api/v1/label/__name__/values", "match[]={code=\"500\"}"},
		"label-values-escaped":   {"GET", "/api/v1/label/U__code/values", ""},
		"label-values-unknown":   {"GET", "/api/v1/label/nothing/values", ""},
		"series":                 {"GET", "/api/v1/series", "match[]=requests_total&match[]={code=\"500\"}"},
		"series-limited":         {"POST", "/api/v1/series", "match[]=requests_total&limit=1"},
		"series-without-matcher": {"GET", "/api/v1/series", ""},
		"series-bad-matcher":     {"GET", "/api/v1/series", "match[]={"},
		"rules-none":             {"GET", "/api/v1/rules", ""},
		"alerts-none":            {"GET", "/api/v1/alerts", ""},
		"targets-none":           {"GET", "/api/v1/targets", ""},
		"metadata-none":          {"GET", "/api/v1/metadata", ""},
		"ready":                  {"GET", "/-/ready", ""},
		"healthy":                {"GET", "/-/healthy", ""},
		"front":                  {"GET", "/", ""},
		"unknown":                {"GET", "/api/v1/nothing", ""},
		"method":                 {"DELETE", "/api/v1/series", ""},
	} {
		t.Run(name, func(t *testing.T) {
			// The form is kept as written where it must be broken.
			form := tc.form
			if !strings.Contains(form, "%zz") {
				pairs := url.Values{}
				for pair := range strings.SplitSeq(form, "&") {
					if key, value, ok := strings.Cut(pair, "="); ok {
						pairs.Add(key, value)
					}
				}
				form = pairs.Encode()
			}
			target, body := "http://embedded"+tc.path, io.Reader(nil)
			if tc.method == http.MethodPost {
				body = strings.NewReader(form)
			} else if form != "" {
				target += "?" + form
			}
			req, err := http.NewRequestWithContext(t.Context(), tc.method, target, body)
			if err != nil {
				t.Fatal(err)
			}
			if body != nil {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			resp, err := hc.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			raw, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			for header := range resp.Header {
				if strings.HasPrefix(header, "Access-Control-") {
					t.Errorf("another origin is let in: %s", header)
				}
			}
			var out bytes.Buffer
			out.WriteString(http.StatusText(resp.StatusCode) + "\n" + resp.Header.Get("Content-Type") + "\n")
			if json.Indent(&out, raw, "", "  ") != nil {
				out.Write(raw)
			}
			compare(t, "api/"+name+".golden", append(bytes.TrimSpace(out.Bytes()), '\n'))
		})
	}
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	golden.Compare(t, filepath.Join("testdata", name), string(got), *update)
}

// Prometheus' own Go client understands every answer.
func TestPrometheusClientUnderstandsTheAPI(t *testing.T) {
	rules := ruleFile(t, "all.yml", `
groups:
  - name: first
    rules:
      - {record: "a:b", expr: sum(up), labels: {x: y}}
      - {alert: Up, expr: up == 1, for: 50ms, keep_firing_for: 1m, labels: {severity: page}, annotations: {summary: "{{ $labels.instance }} is up"}}
      - {alert: Never, expr: up > 1}
      - {record: broken, expr: up / ignoring (instance) up}
`)
	// Every scrape has to be in time, on a busy machine, too: the target must not go down.
	s := open(t, promserver.Config{Listen: "127.0.0.1:0", Scrape: 2 * time.Second, Evaluation: quick, Jobs: []string{"monitor"}, RuleFiles: []string{rules}})
	srv := exposition(t, "/metrics")
	err := s.SetTargets("monitor", []promserver.Target{
		{Address: address(srv), Labels: map[string]string{"instance": "monitor-0"}},
		{Address: "127.0.0.1:1", Labels: map[string]string{"instance": "monitor-1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, inProcess(t, s, prom.Config{}), `ALERTS{alertname="Up",alertstate="firing"}`, is(1))
	eventually(t, inProcess(t, s, prom.Config{}), `count(up)`, is(2))

	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	pc, err := promapi.NewClient(promapi.Config{Address: s.URL(), Client: hc})
	if err != nil {
		t.Fatal(err)
	}
	c, ctx := v1.NewAPI(pc), t.Context()

	targets, err := c.Targets(ctx)
	if err != nil || len(targets.Active) != 2 {
		t.Fatalf("targets: %+v, %v", targets, err)
	}
	slices.SortFunc(targets.Active, func(a, b v1.ActiveTarget) int {
		return strings.Compare(string(a.Labels["instance"]), string(b.Labels["instance"]))
	})
	if up := targets.Active[0]; up.Health != v1.HealthGood || up.ScrapeURL != srv.URL+"/metrics" || up.ScrapePool != "monitor" || up.LastScrape.IsZero() {
		t.Errorf("the target that is up: %+v", up)
	}
	if down := targets.Active[1]; down.Health != v1.HealthBad || !strings.Contains(down.LastError, "refused") {
		t.Errorf("the target that is down: %+v", down)
	}

	meta, err := c.Metadata(ctx, "", "")
	if want := []v1.Metadata{{Type: v1.MetricTypeCounter, Help: "How often this was asked."}}; err != nil || !slices.Equal(meta["scrapes_total"], want) {
		t.Errorf("metadata: %v, %v", meta, err)
	}
	if meta, err := c.Metadata(ctx, "other", ""); err != nil || len(meta) != 0 {
		t.Errorf("metadata of another metric: %v, %v", meta, err)
	}

	// The last rule fails only from the evaluation on that follows the scrape of both targets.
	var groups v1.RulesResult
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(quick) {
		groups, err = c.Rules(ctx, nil)
		if err != nil || len(groups.Groups) != 1 || len(groups.Groups[0].Rules) != 4 {
			break
		}
		if r, ok := groups.Groups[0].Rules[3].(v1.RecordingRule); !ok || r.Health == v1.RuleHealthBad {
			break
		}
	}
	if err != nil || len(groups.Groups) != 1 || len(groups.Groups[0].Rules) != 4 {
		t.Fatalf("rules: %+v, %v", groups, err)
	}
	if g := groups.Groups[0]; g.Name != "first" || g.File != "all.yml" || g.Interval != quick.Seconds() {
		t.Errorf("group: %+v", g)
	}
	if r, ok := groups.Groups[0].Rules[0].(v1.RecordingRule); !ok || r.Name != "a:b" || r.Query != "sum(up)" || r.Health != v1.RuleHealthGood || r.Labels["x"] != "y" {
		t.Errorf("recording rule: %+v", groups.Groups[0].Rules[0])
	}
	if r, ok := groups.Groups[0].Rules[1].(v1.AlertingRule); !ok || r.State != "firing" || r.Duration != 0.05 || len(r.Alerts) != 1 || r.Annotations["summary"] == "" {
		t.Errorf("alerting rule: %+v", groups.Groups[0].Rules[1])
	}
	if r, ok := groups.Groups[0].Rules[2].(v1.AlertingRule); !ok || r.State != "inactive" || r.Alerts == nil || len(r.Alerts) != 0 {
		t.Errorf("an alert that never fires: %+v", groups.Groups[0].Rules[2])
	}

	if r, ok := groups.Groups[0].Rules[3].(v1.RecordingRule); !ok || r.Health != v1.RuleHealthBad || !strings.Contains(r.LastError, "many-to-many") {
		t.Errorf("a rule that cannot be evaluated: %+v", groups.Groups[0].Rules[3])
	}

	alerts, err := c.Alerts(ctx)
	if err != nil || len(alerts.Alerts) != 1 {
		t.Fatalf("alerts: %+v, %v", alerts, err)
	}
	if a := alerts.Alerts[0]; a.State != v1.AlertStateFiring || a.Annotations["summary"] != "monitor-0 is up" || a.Labels["severity"] != "page" || a.ActiveAt.IsZero() {
		t.Errorf("alert: %+v", a)
	}

	build, err := c.Buildinfo(ctx)
	if err != nil || !regexp.MustCompile(`^3\.\d+\.\d+$`).MatchString(build.Version) || !strings.HasPrefix(build.GoVersion, "go") {
		t.Errorf("build: %+v, %v", build, err)
	}

	names, _, err := c.LabelNames(ctx, nil, time.Time{}, time.Time{})
	if err != nil || !slices.Contains(names, "instance") {
		t.Errorf("label names: %v, %v", names, err)
	}
	values, _, err := c.LabelValues(ctx, "instance", []string{"up"}, time.Now().Add(-time.Hour), time.Now())
	if err != nil || !slices.Equal(values, model.LabelValues{"monitor-0", "monitor-1"}) {
		t.Errorf("label values: %v, %v", values, err)
	}
	sets, _, err := c.Series(ctx, []string{"up"}, time.Now().Add(-time.Hour), time.Now())
	if err != nil || len(sets) != 2 {
		t.Errorf("series: %v, %v", sets, err)
	}
}
