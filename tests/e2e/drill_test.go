//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// drilled is an alert of a drill, and the receiver that it has to reach.
type drilled struct{ alert, severity, receiver string }

// TestDrill breaks something that matters to nobody, and follows a page and a ticket
// through the real chain: metric, Prometheus, rule, Alertmanager, route, webhook.
func TestDrill(t *testing.T) {
	skipUnless(t, on.deploys != nil, "somewhere to push to: -remote")
	feature(t, "a drill",
		check{"brings a page and a ticket to the receiver of each, and takes them back", func(ctx context.Context, t *testing.T) {
			ns := drillReceiver(ctx, t)
			on.deploys.sendAlertsTo(ctx, t, "http://receiver."+ns+".svc:8080/alerts")
			alerts := []drilled{{"DrillPage", "page", "pages"}, {"DrillTicket", "ticket", "tickets"}}
			drillRules(ctx, t, ns, alerts)
			waits := alertWaits(ctx, t, ns)
			t.Logf("the intervals here: %+v", waits)

			if _, err := ask(ctx, ns, "receiver:http", "break"); err != nil {
				t.Fatal(err)
			}
			for _, a := range alerts {
				received := awaitNotice(ctx, t, ns, a, "firing", waits.firing()+time.Minute)
				broken := requested(ctx, t, ns, "/break")
				seen := firstOne(ctx, t, fmt.Sprintf(`drill_fault{namespace=%q}`, ns))
				firing := firstOne(ctx, t, fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing",namespace=%q}`, a.alert, ns))
				known := knownAt(ctx, t, a.alert)
				for _, hop := range []struct {
					says     string
					from, to time.Time
					bound    time.Duration
				}{
					{"is seen by Prometheus", broken, scrapeEnd(ctx, t, ns, seen), waits.scrape},
					{"has its rule fire", seen, firing, waits.evaluation},
					{"is known to Alertmanager", firing, known, 0},
					{"is received by " + a.receiver, known, received, waits.group},
					{"reaches " + a.receiver + ", the whole way", broken, received, waits.firing()},
				} {
					took := hop.to.Sub(hop.from)
					if took < 0 {
						t.Errorf("%s: %s %s before the hop began", a.alert, hop.says, -took)
					}
					figure(t, "a fault that should "+a.severity+" "+hop.says, took.Seconds(), (hop.bound + time.Second).Seconds(), "s")
				}
			}

			if _, err := ask(ctx, ns, "receiver:http", "mend"); err != nil {
				t.Fatal(err)
			}
			for _, a := range alerts {
				received := awaitNotice(ctx, t, ns, a, "resolved", waits.resolved()+time.Minute)
				figure(t, "the end of a "+a.severity+" is received", received.Sub(requested(ctx, t, ns, "/mend")).Seconds(), (waits.resolved() + time.Second).Seconds(), "s")
			}
		}},
	)
}

// drillReceiver starts the receiver in a namespace of its own and has it scraped. Both end
// with the test.
func drillReceiver(ctx context.Context, t *testing.T) (ns string) {
	t.Helper()
	ref, ns := receiver(ctx, t), namespace(ctx, t)
	start(ctx, t, ns, hardened("receiver", ref))
	awaitPhase(ctx, t, ns, "receiver", time.Minute, corev1.PodRunning)
	labels := map[string]string{"app": "receiver"}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "receiver", Labels: labels},
		Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Name: "http", Port: 8080, TargetPort: intstr.FromInt32(8080)}}},
	}
	if _, err := on.CoreV1().Services(ns).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	operated(ctx, t, "ServiceMonitor", ns, map[string]any{
		"selector": map[string]any{"matchLabels": map[string]any{"app": "receiver"}}, "endpoints": []any{map[string]any{"port": "http"}},
	})
	return ns
}

// drillRules adds the alerts, and blocks until Prometheus evaluates them and scrapes what
// they look at.
func drillRules(ctx context.Context, t *testing.T, ns string, alerts []drilled) {
	t.Helper()
	var rules []any
	for _, a := range alerts {
		rules = append(rules, map[string]any{
			"alert": a.alert, "expr": fmt.Sprintf(`drill_fault{namespace=%q} == 1`, ns),
			"labels":      map[string]any{"severity": a.severity, "service": "drill"},
			"annotations": map[string]any{"summary": "A drill; nothing is broken."},
		})
	}
	operated(ctx, t, "PrometheusRule", ns, map[string]any{"groups": []any{map[string]any{"name": "drill", "rules": rules}}})
	await(ctx, t, 3*time.Minute, "Prometheus to know the drill", func(ctx context.Context) (bool, string) {
		have, err := rulesOf(ctx)
		if err != nil {
			return false, err.Error()
		}
		for _, a := range alerts {
			if have[a.alert].Health != "ok" {
				return false, fmt.Sprintf("%s is %+v", a.alert, have[a.alert])
			}
		}
		var answer struct{ Result []any }
		err = prometheus(ctx, "query", &answer, "query", fmt.Sprintf(`drill_fault{namespace=%q} == 0`, ns))
		return err == nil && len(answer.Result) == 1, seeing(err, "its metric is not scraped")
	})
}

// operated creates an object for the operator of Prometheus, which ends with its namespace.
func operated(ctx context.Context, t *testing.T, kind, ns string, spec map[string]any) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": map[string]any{"name": "drill", "namespace": ns}, "spec": spec,
	}}
	resource := schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: strings.ToLower(kind) + "s"}
	if _, err := on.dynamic.Resource(resource).Namespace(ns).Create(ctx, object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// sendAlertsTo has what the cluster runs send its pages and tickets to a webhook, and blocks
// until Alertmanager does. At the end of the test the branch is put back to where it was,
// unless somebody has pushed meanwhile: the next push of its user
// is a fast-forward again.
func (c *checkout) sendAlertsTo(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	if _, err := c.git(ctx, "fetch", "--quiet", c.remote, "main"); err != nil {
		t.Fatal(err)
	}
	runs, err := c.git(ctx, "rev-parse", "FETCH_HEAD")
	if err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(t.TempDir(), "tree")
	if _, err := c.git(ctx, "worktree", "add", "--quiet", "--detach", tree, runs); err != nil {
		t.Fatal(err)
	}
	there := &checkout{dir: tree, remote: c.remote, base: runs}
	const before = "      valuesObject:\n"
	there.edit(t, observabilityFile, before, before+"        alertmanager: {webhookURL: '"+url+"'}\n")
	began := time.Now()
	commit, _ := there.push(ctx, t, "Send alerts to a drill")
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		if _, err := there.git(ctx, "push", "--quiet", "--force-with-lease=main:"+commit, c.remote, runs+":refs/heads/main"); err != nil {
			t.Errorf("alerts still go to the drill: push %s to %s again: %v", runs, c.remote, err)
			return
		}
		if _, err := c.git(ctx, "worktree", "remove", "--force", tree); err != nil {
			t.Error(err)
		}
		awaitDeployed(ctx, t, runs, 3*time.Minute)
	})
	reloaded := regexp.MustCompile(`(?m)^alertmanager_config_last_reload_success_timestamp_seconds (\S+)$`)
	await(ctx, t, 4*time.Minute, "Alertmanager to send to the drill", func(ctx context.Context) (bool, string) {
		text, err := ask(ctx, observabilityNamespace, "alertmanager:web", "metrics")
		m := reloaded.FindSubmatch(text)
		if err != nil || m == nil {
			return false, seeing(err, "its metrics do not say when it was configured")
		}
		at, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil || at < float64(began.UnixMilli())/1000 {
			return false, seeing(err, "it was configured before the push")
		}
		configured, err := alertmanagerRoutes(ctx)
		return err == nil && strings.Contains(configured, "webhook_configs"), seeing(err, configured)
	})
	t.Logf("Alertmanager sends to the drill %.0f s after the push", time.Since(began).Seconds())
}

// alertmanagerRoutes is the configuration that Alertmanager works by, without its secrets.
func alertmanagerRoutes(ctx context.Context) (string, error) {
	text, err := ask(ctx, observabilityNamespace, "alertmanager:web", "api/v2/status")
	if err != nil {
		return "", err
	}
	var status struct{ Config struct{ Original string } }
	err = json.Unmarshal(text, &status)
	return status.Config.Original, err
}

// waits are what the cluster's own settings allow each hop of an alert to take.
type waits struct{ scrape, evaluation, group, again time.Duration }

func (w waits) firing() time.Duration { return w.scrape + w.evaluation + w.group }

// resolved is longer, as Alertmanager sends to a group that it has sent to before only
// after its interval.
func (w waits) resolved() time.Duration { return w.scrape + w.evaluation + w.again }

// alertWaits reads the intervals that the drill's alerts are subject to.
func alertWaits(ctx context.Context, t *testing.T, ns string) waits {
	t.Helper()
	var w waits
	var targets struct {
		ActiveTargets []struct {
			Labels         map[string]string
			ScrapeInterval string
		}
	}
	if err := prometheus(ctx, "targets", &targets, "state", "active"); err != nil {
		t.Fatal(err)
	}
	for _, target := range targets.ActiveTargets {
		if target.Labels["namespace"] == ns {
			w.scrape = promDuration(t, target.ScrapeInterval)
		}
	}
	var groups struct {
		Groups []struct {
			Name, File string
			Interval   float64
		}
	}
	if err := prometheus(ctx, "rules", &groups); err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.Groups {
		if g.Name == "drill" && strings.Contains(g.File, ns) {
			w.evaluation = time.Duration(g.Interval * float64(time.Second))
		}
	}
	text, err := alertmanagerRoutes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var cfg struct {
		Route struct {
			GroupWait     string `json:"group_wait"`
			GroupInterval string `json:"group_interval"`
		} `json:"route"`
	}
	if err := yaml.Unmarshal([]byte(text), &cfg); err != nil {
		t.Fatal(err)
	}
	w.group, w.again = promDuration(t, cfg.Route.GroupWait), promDuration(t, cfg.Route.GroupInterval)
	return w
}

func promDuration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := model.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(d)
}

// request is a line of the receiver's log: what it got, and when.
type request struct {
	Time       time.Time
	Path, Body string
}

func requests(ctx context.Context, ns string) (all []request, err error) {
	text, err := logsOf(ctx, ns, "receiver")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		var r request
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// requested is when the receiver got a request, by its own clock.
func requested(ctx context.Context, t *testing.T, ns, path string) time.Time {
	t.Helper()
	all, err := requests(ctx, ns)
	i := slices.IndexFunc(all, func(r request) bool { return r.Path == path })
	if err != nil || i < 0 {
		t.Fatalf("the receiver's log has no request of %s: %v", path, err)
	}
	return all[i].Time
}

// awaitNotice blocks until the receiver has an alert in a state, and returns since when, by
// the receiver's clock. By another route than its own it has not arrived.
func awaitNotice(ctx context.Context, t *testing.T, ns string, a drilled, status string, within time.Duration) (at time.Time) {
	t.Helper()
	await(ctx, t, within, a.alert+" to be "+status+" at "+a.receiver+" (a ticket may have to wait, see tickets-wait)", func(ctx context.Context) (bool, string) {
		all, err := requests(ctx, ns)
		if err != nil {
			return false, err.Error()
		}
		for _, r := range all {
			var notice struct {
				Receiver string
				Alerts   []struct {
					Status string
					Labels map[string]string
				}
			}
			if r.Path != "/alerts" || json.Unmarshal([]byte(r.Body), &notice) != nil || notice.Receiver != a.receiver {
				continue
			}
			for _, got := range notice.Alerts {
				if got.Labels["alertname"] == a.alert && got.Labels["severity"] == a.severity && got.Status == status {
					at = r.Time
					return true, ""
				}
			}
		}
		return false, fmt.Sprint(all)
	})
	return at
}

// firstOne is the time of the first sample of a series in the last minutes that is 1.
func firstOne(ctx context.Context, t *testing.T, selector string) (at time.Time) {
	t.Helper()
	var answer struct {
		Result []struct{ Values [][2]any }
	}
	if err := prometheus(ctx, "query", &answer, "query", selector+"[5m]"); err != nil {
		t.Fatal(err)
	}
	for _, series := range answer.Result {
		for _, v := range series.Values {
			seconds, ok := v[0].(float64)
			if !ok || v[1] != "1" {
				continue
			}
			if s := time.UnixMilli(int64(seconds * 1000)); at.IsZero() || s.Before(at) {
				at = s
			}
		}
	}
	if at.IsZero() {
		t.Fatalf("Prometheus has no sample of %s that is 1", selector)
	}
	return at
}

// scrapeEnd is the end of the scrape that began at a sample's timestamp: a target may have
// changed between the two. Prometheus moves timestamps by up to 2 ms, so that they compress
// better.
func scrapeEnd(ctx context.Context, t *testing.T, ns string, begun time.Time) time.Time {
	t.Helper()
	var answer struct {
		Result []struct{ Value [2]any }
	}
	err := prometheus(ctx, "query", &answer, "query", fmt.Sprintf(`scrape_duration_seconds{namespace=%q}`, ns), "time", strconv.FormatFloat(float64(begun.UnixMilli())/1000, 'f', 3, 64))
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Result) != 1 {
		t.Fatalf("Prometheus has %d durations of scrapes in namespace %s, want one", len(answer.Result), ns)
	}
	text, _ := answer.Result[0].Value[1].(string)
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return begun.Add(time.Duration(seconds*float64(time.Second)) + 2*time.Millisecond)
}

// knownAt is when Alertmanager last heard of an alert; Prometheus repeats it every minute.
func knownAt(ctx context.Context, t *testing.T, alert string) time.Time {
	t.Helper()
	text, err := ask(ctx, observabilityNamespace, "alertmanager:web", "api/v2/alerts", "filter", fmt.Sprintf("alertname=%q", alert))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ UpdatedAt time.Time }
	if err := json.Unmarshal(text, &all); err != nil || len(all) != 1 {
		t.Fatalf("Alertmanager knows %d alerts %s, want one: %v: %s", len(all), alert, err, text)
	}
	return all[0].UpdatedAt
}
