package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// keeping is a Prometheus that says how long it keeps samples.
type keeping struct {
	*prom.Client
	retention time.Duration
	err       error
}

func (k keeping) Retention(context.Context) (time.Duration, error) { return k.retention, k.err }

// counting is a real Prometheus with the orders of two hours, an even number a minute by
// labels, up to now.
func counting(t *testing.T, perMinute map[string]float64) *prom.Client {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	var history []prom.Series
	for code, n := range perMinute {
		s := prom.Series{Labels: map[string]string{"__name__": "orders_total", "code": code}}
		for i := range 120 {
			s.Points = append(s.Points, prom.Sample{T: now.Add(time.Duration(i-119) * time.Minute), V: n * float64(i)})
		}
		history = append(history, s)
	}
	server, err := promserver.Open(promserver.Config{Dir: t.TempDir(), History: history, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	client, err := prom.New(prom.Config{URL: "http://prometheus.invalid", RoundTripper: promserver.Transport(server.Handler())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// ratioNow is shopSLO of a ratio that is computed already.
func ratioNow(query string) string {
	text := strings.Replace(measuring(query), "thresholdMetric: {metricSource: {type: Prometheus, spec: {query: '"+query+"'}}}",
		"ratioMetric: {rawType: success, raw: {metricSource: {type: Prometheus, spec: {query: '"+query+"'}}}}", 1)
	return strings.Replace(text, ", op: lte, value: 0.25", "", 1)
}

func TestLintComparesSLOsWithWhatAPrometheusHas(t *testing.T) {
	busy := map[string]float64{"200": 100, "500": 1}
	grouped := strings.Replace(shopSLO, "{name: shop}", "{name: shop, annotations: {ballast.dev/group-by: code}}", 1)
	unreachable := fmt.Errorf("away: %w", prom.ErrUnreachable)
	tests := map[string]struct {
		slo       string
		perMinute map[string]float64
		keeps     time.Duration
		keepsErr  error
		want      []string
		err       error
	}{
		"nothing in a busy service":             {slo: shopSLO, perMinute: busy, keeps: 72 * time.Hour},
		"nothing where it is not said how long": {slo: shopSLO, perMinute: busy, keepsErr: prom.ErrNoRulesAPI},
		"a server that is away":                 {slo: shopSLO, perMinute: busy, keepsErr: unreachable, err: prom.ErrUnreachable},
		"samples that are dropped too soon": {
			slo: shopSLO, perMinute: busy, keeps: 24 * time.Hour,
			want: []string{"tier ticket-slow looks back 3d, and this Prometheus keeps 1d"},
		},
		"a label that nobody sets": {
			slo: strings.Replace(shopSLO, `code="200"`, `code="2xx"`, 1), perMinute: busy,
			want: []string{`good events: this Prometheus has no series of orders_total{code="2xx"}`},
		},
		"a metric that nobody exports, and then nothing about its traffic": {
			slo:  shopSLO,
			want: []string{"good events: this Prometheus has no series", "total events: this Prometheus has no series"},
		},
		"too little traffic for a tier": {
			slo: shopSLO, perMinute: map[string]float64{"200": 1},
			want: []string{"60 events within 1h: 3 bad ones, without which tier page-fast does not fire, are 5% of them, and its threshold is 1.44%"},
		},
		"less traffic than bad events are needed": {
			slo: shopSLO, perMinute: map[string]float64{"200": 1.0 / 60},
			want: []string{"1 events within 1h: 3 bad ones, without which tier page-fast does not fire, are more than all of them"},
		},
		"a query that gives something": {slo: measuring("max(orders_total)"), perMinute: busy},
		"a query that gives nothing": {
			slo: measuring("max(orders_waiting)"), perMinute: busy,
			want: []string{"what is measured: this Prometheus gives nothing for max(orders_waiting)"},
		},
		"a ratio of which there are several": {
			slo: ratioNow("0.001 * max by (code) (orders_total)"), perMinute: busy,
			want: []string{"gives 2 ratios, and nobody can tell how much each of them weighs"},
		},
		"a ratio for each group": {
			slo:       strings.Replace(ratioNow("0.001 * max by (code) (orders_total)"), "{name: shop}", "{name: shop, annotations: {ballast.dev/group-by: code}}", 1),
			perMinute: busy,
		},
		"one quiet group of a grouped SLO": {
			slo: grouped, perMinute: busy,
			want: []string{"60 events within 1h in the quietest group"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, filepath.Join(root, "alerts", "slo", "shop.yaml"), tt.slo)
			got, err := LintLive(t.Context(), root, keeping{counting(t, maps.Clone(tt.perMinute)), tt.keeps, tt.keepsErr})
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Fatalf("%v, want %v", err, tt.err)
			}
			if len(got) != len(tt.want) {
				t.Fatalf("%d findings, want %d:\n%v", len(got), len(tt.want), got)
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i].String(), want) || got[i].Line == 0 {
					t.Errorf("got %s, want %s", got[i], want)
				}
			}
		})
	}
}
