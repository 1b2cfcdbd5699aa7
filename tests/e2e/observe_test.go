//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// prometheus asks the cluster's own.
func prometheus(ctx context.Context, path string, answer any, params ...string) error {
	text, err := ask(ctx, observabilityNamespace, "prometheus:web", "api/v1/"+path, params...)
	if err != nil {
		return err
	}
	var envelope struct {
		Status string          `json:"status"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &envelope); err != nil {
		return err
	}
	return json.Unmarshal(envelope.Data, answer)
}

// awaitMetric blocks until an expression has one value in the cluster's Prometheus.
func awaitMetric(ctx context.Context, t *testing.T, within time.Duration, expr string) {
	t.Helper()
	await(ctx, t, within, expr, func(ctx context.Context) (bool, string) {
		var answer struct {
			Result []struct{ Value [2]any }
		}
		err := prometheus(ctx, "query", &answer, "query", expr)
		return err == nil && len(answer.Result) == 1, seeing(err, fmt.Sprint(answer.Result))
	})
}

// forgetful has Prometheus begin again, without what the tests before did to the monitor:
// in a history of minutes their errors fill windows of hours, and a runner would wait for
// them to leave. It blocks until the probe and the monitor are scraped again. What somebody
// else's Prometheus knows stays.
func forgetful(ctx context.Context, t *testing.T) {
	t.Helper()
	if on.own == nil {
		return
	}
	const selector = "app.kubernetes.io/name=prometheus"
	all := pods(ctx, t, observabilityNamespace, selector)
	for _, p := range all {
		if err := on.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	await(ctx, t, 2*time.Minute, "a new Prometheus", func(ctx context.Context) (bool, string) {
		now := pods(ctx, t, observabilityNamespace, selector)
		fresh := slices.DeleteFunc(slices.Clone(now), func(p corev1.Pod) bool {
			return !ready(p) || slices.ContainsFunc(all, func(old corev1.Pod) bool { return old.UID == p.UID })
		})
		return len(fresh) == len(all), strings.Join(namesOf(now), ", ")
	})
	await(ctx, t, 2*time.Minute, "ten samples of the probe's requests and of the monitor", func(ctx context.Context) (bool, string) {
		var answer struct{ Result []struct{ Value [2]any } }
		err := prometheus(ctx, "query", &answer, "query", `count(count_over_time(up{job=~"monitor|probe"}[1m]) >= 10) >= bool 4`)
		return err == nil && len(answer.Result) == 1 && answer.Result[0].Value[1] == "1", seeing(err, fmt.Sprint(answer.Result))
	})
}

// rule is what Prometheus says of one.
type rule struct{ Name, Type, Health, LastError string }

func rulesOf(ctx context.Context) (map[string]rule, error) {
	var answer struct {
		Groups []struct{ Rules []rule }
	}
	if err := prometheus(ctx, "rules", &answer); err != nil {
		return nil, err
	}
	all := map[string]rule{}
	for _, g := range answer.Groups {
		for _, r := range g.Rules {
			all[r.Name] = r
		}
	}
	return all, nil
}

// TestPrometheus: everything is scraped, and the repository's rules are at work.
func TestPrometheus(t *testing.T) {
	feature(t, "Prometheus",
		check{"reaches every target, and every part of the platform is one", func(ctx context.Context, t *testing.T) {
			nodes, err := on.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]int{
				"monitor": 3, "probe": 1, "prometheus": 1, "alertmanager": 1, "prometheus-operator": 1,
				"probe-pods": 3, "cadvisor": len(nodes.Items), "otel-collector": len(nodes.Items), "apiserver": 1, "argocd-metrics": 1,
			}
			if on.own != nil {
				want["ballast-git"] = 1 // the repositories that this cluster serves
			}
			await(ctx, t, 2*time.Minute, "every target to be up", func(ctx context.Context) (bool, string) {
				var answer struct {
					ActiveTargets []struct {
						Labels    map[string]string
						ScrapeURL string
						Health    string
						LastError string
					}
				}
				if err := prometheus(ctx, "targets", &answer, "state", "active"); err != nil {
					return false, err.Error()
				}
				have, sick := map[string]int{}, []string(nil)
				for _, target := range answer.ActiveTargets {
					have[target.Labels["job"]]++
					if target.Health != "up" {
						sick = append(sick, target.ScrapeURL+" is "+target.Health+": "+target.LastError)
					}
				}
				for job, n := range want {
					if have[job] != n {
						sick = append(sick, fmt.Sprintf("job %s has %d targets, want %d", job, have[job], n))
					}
				}
				return len(sick) == 0, fmt.Sprintf("%v; %s", have, strings.Join(sick, "; "))
			})
		}},
		check{"has every rule of the repository, and evaluates it", func(ctx context.Context, t *testing.T) {
			files, err := filepath.Glob("../../alerts/rules/prometheus/*.yaml")
			if err != nil || len(files) == 0 {
				t.Fatalf("there are no rules to look for: %v", err)
			}
			var want []string
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var groups struct {
					Groups []struct {
						Rules []struct{ Record, Alert string }
					}
				}
				if err := yaml.Unmarshal(text, &groups); err != nil {
					t.Fatal(err)
				}
				for _, g := range groups.Groups {
					for _, r := range g.Rules {
						want = append(want, r.Record+r.Alert)
					}
				}
			}
			// A group is first evaluated within its interval, which is 5 minutes at most.
			await(ctx, t, 6*time.Minute, fmt.Sprintf("%d healthy rules", len(want)), func(ctx context.Context) (bool, string) {
				have, err := rulesOf(ctx)
				if err != nil {
					return false, err.Error()
				}
				var sick []string
				for _, name := range want {
					if r, ok := have[name]; !ok || r.Health != "ok" {
						sick = append(sick, fmt.Sprintf("%s: there %t, %s %s", name, ok, r.Health, r.LastError))
					}
				}
				return len(sick) == 0, strings.Join(sick, "; ")
			})
			t.Logf("%d rules of %d files are healthy", len(want), len(files))
		}},
		check{"has every metric that a dashboard asks for", hasWhatDashboardsAsk},
		check{"counts what clients of the monitor see", func(ctx context.Context, t *testing.T) {
			awaitMetric(ctx, t, time.Minute, `sum(rate(probe_requests_total{job="probe",probe="monitor",outcome="success"}[30s])) > 10`)
		}},
	)
}

// TestLogs: what a pod writes can be asked for by its fields.
func TestLogs(t *testing.T) {
	feature(t, "a pod's log line",
		check{"is found by its fields", func(ctx context.Context, t *testing.T) {
			ref, ns := receiver(ctx, t), namespace(ctx, t)
			mark := random("mark")
			// The line is written when the request has failed: nobody listens there.
			start(ctx, t, ns, hardened("writer", ref, "fetch", "http://127.0.0.1:1/"+mark))
			awaitPhase(ctx, t, ns, "writer", time.Minute, corev1.PodFailed)
			query := fmt.Sprintf(`k8s.namespace.name:=%q k8s.pod.name:=writer level:=ERROR error:%q`, ns, mark)
			var lines []string
			took := await(ctx, t, 30*time.Second, "the line", func(ctx context.Context) (bool, string) {
				text, err := ask(ctx, observabilityNamespace, "victorialogs:http", "select/logsql/query", "query", query)
				lines = slices.Collect(strings.Lines(string(text)))
				return err == nil && len(lines) > 0, seeing(err, "no line for "+query)
			})
			t.Log(lines[0])
			figure(t, "a pod's log line is found by its fields", took.Seconds(), 10, "s")
			if len(lines) != 1 {
				t.Errorf("the line was found %d times, want once", len(lines))
			}
		}},
	)
}
