//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// TestBroken breaks what watches the platform, one part after another, and records what its
// programs export meanwhile: the dashboard Platform is tested against that. The recordings are
// below -out, in metrics/broken/platform, to be copied to docs/metrics/broken.
func TestBroken(t *testing.T) {
	skipUnless(t, everything(), "-catalogue=all: make e2e CATALOGUE=all")
	skipUnless(t, on.deploys != nil && on.own != nil, "a cluster of the tests' own, as its parts are broken")
	feature(t, "a platform that is broken",
		check{"says so in its metrics", func(ctx context.Context, t *testing.T) {
			ns := drillReceiver(ctx, t)
			on.deploys.sendAlertsTo(ctx, t, "http://receiver."+ns+".svc:8080/refuse")
			brokenRules(ctx, t, ns)
			awaitMetric(ctx, t, 4*time.Minute, "sum(prometheus_rule_evaluation_failures_total) > 0")
			awaitMetric(ctx, t, 4*time.Minute, "sum(alertmanager_notifications_failed_total) > 0")
			record(ctx, t, "platform", "alertmanager")

			pausedArgo(ctx, t)
			back := scaled(ctx, t, observabilityNamespace, "statefulsets", "victorialogs", 0)
			awaitMetric(ctx, t, 4*time.Minute, "max(otelcol_exporter_queue_size) > 0")
			record(ctx, t, "platform", "otel-collector")
			back()
			fromTheFuture(ctx, t)
			awaitMetric(ctx, t, 4*time.Minute, `sum(vl_rows_dropped_total{reason="too_big_timestamp"}) > 0`)
			record(ctx, t, "platform", "victorialogs")

			unreachableAlertmanager(ctx, t)
			awaitMetric(ctx, t, 4*time.Minute, "sum(prometheus_notifications_errors_total) > 0")
			record(ctx, t, "platform", "prometheus")
		}},
	)
}

// unreachableAlertmanager cuts Alertmanager off from Prometheus until the test ends.
func unreachableAlertmanager(ctx context.Context, t *testing.T) {
	t.Helper()
	of := func(name string) map[string]any {
		return map[string]any{"namespaces": []any{observabilityNamespace}, "labelSelectors": map[string]any{"app.kubernetes.io/name": name}}
	}
	f := inject(ctx, t, "NetworkChaos", map[string]any{
		"action": "partition", "direction": "both", "mode": "all", "duration": "240s",
		"selector": of("prometheus"), "target": map[string]any{"mode": "all", "selector": of("alertmanager")},
	})
	f.injected(ctx, t)
}

// brokenRules adds an alert that fires, and a rule that cannot be evaluated, as each target
// would be multiplied by all.
func brokenRules(ctx context.Context, t *testing.T, ns string) {
	t.Helper()
	group := func(name string, rule map[string]any) map[string]any {
		return map[string]any{"name": name, "interval": "5s", "rules": []any{rule}}
	}
	operated(ctx, t, "PrometheusRule", ns, map[string]any{"groups": []any{
		group("fires", map[string]any{
			"alert": "DrillPage", "expr": "vector(1)", "labels": map[string]any{"severity": "page", "service": "drill"},
			"annotations": map[string]any{"summary": "A drill; nothing is broken."},
		}),
		group("fails", map[string]any{"record": "drill:up", "expr": "up * on() up"}),
	}})
}

// fromTheFuture sends lines to the store of logs that it has to refuse.
func fromTheFuture(ctx context.Context, t *testing.T) {
	t.Helper()
	const port = 9428
	var store corev1.Pod
	await(ctx, t, 2*time.Minute, "a store of logs", func(ctx context.Context) (bool, string) {
		all := pods(ctx, t, observabilityNamespace, "app.kubernetes.io/name=victorialogs")
		if len(all) == 1 {
			store = all[0]
		}
		return len(all) == 1 && ready(store), fmt.Sprint(namesOf(all))
	})
	err := forwarded(ctx, observabilityNamespace, store.Name, port, func(address string) error {
		const lines = `{"_msg":"too early","date":"2199-01-01T00:00:00Z"}` + "\n"
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/insert/jsonline?_time_field=date&_stream_fields=stream", bytes.NewReader([]byte(lines)))
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}
