//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/tests/e2e/exposition"
)

// exporters are the programs of others whose metrics alerts read, by the name of their file
// in docs/metrics.
func exporters() map[string]func(ctx context.Context, t *testing.T) ([]byte, error) {
	served := func(ns, service string) func(context.Context, *testing.T) ([]byte, error) {
		return func(ctx context.Context, _ *testing.T) ([]byte, error) { return ask(ctx, ns, service, "metrics") }
	}
	return map[string]func(ctx context.Context, t *testing.T) ([]byte, error){
		"prometheus":   served(observabilityNamespace, "prometheus:web"),
		"alertmanager": served(observabilityNamespace, "alertmanager:web"),
		"victorialogs": served(observabilityNamespace, "victorialogs:http"),
		"argocd":       served(argoNamespace, "argocd-metrics:metrics"),
		"otel-collector": func(ctx context.Context, t *testing.T) (text []byte, err error) {
			const port = 8888
			all := pods(ctx, t, observabilityNamespace, "app.kubernetes.io/name=otel-collector")
			if len(all) == 0 {
				t.Fatal("there is no collector of logs")
			}
			err = forwarded(ctx, observabilityNamespace, all[0].Name, port, func(address string) error {
				text, err = get(ctx, "http://"+address+"/metrics")
				return err
			})
			return text, err
		},
		"apiserver": func(ctx context.Context, _ *testing.T) ([]byte, error) {
			return on.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
		},
	}
}

// TestMetrics: what alerts read of programs of others is still exported. The selection that
// docs/metrics holds is written anew below -out, to be copied from there.
func TestMetrics(t *testing.T) {
	var checks []check
	for name, read := range exporters() {
		checks = append(checks, check{"of " + name + " are those of docs/metrics", func(ctx context.Context, t *testing.T) {
			const file = "../../docs/metrics/"
			text, err := os.ReadFile(file + name + ".prom")
			if err != nil {
				t.Fatal(err)
			}
			golden, err := exposition.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			var now exposition.Exposition
			// An exposition that lacks some of them is kept, too: it shows what there is instead.
			defer func() {
				if len(now.Families()) > 0 {
					keepSelected(t, "metrics", name, now, golden)
				}
			}()
			// A program that has just started exports some of them only once something happened.
			await(ctx, t, time.Minute, "all that docs/metrics has", func(ctx context.Context) (bool, string) {
				text, err := read(ctx, t)
				if err == nil {
					now, err = exposition.Parse(text)
				}
				missing := golden.Missing(now)
				return err == nil && len(missing) == 0, seeing(err, strings.Join(missing, "; "))
			})
		}})
	}
	feature(t, "the metrics", checks...)
}

// keepSelected writes the families of an exposition that docs/metrics selects, to a directory
// below -out.
func keepSelected(t *testing.T, directory, name string, now, golden exposition.Exposition) {
	t.Helper()
	if *out == "" {
		return
	}
	dir := filepath.Join(*out, directory)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const most = 6
	if err := os.WriteFile(filepath.Join(dir, name+".prom"), now.Select(golden.Families(), most), 0o644); err != nil {
		t.Fatal(err)
	}
}

// record keeps what a program exports while the sandbox is broken, beside what it exports when
// nothing is. It checks nothing, as the figures depend on what is broken.
func record(ctx context.Context, t *testing.T, broken, name string) {
	t.Helper()
	if *out == "" {
		return
	}
	text, err := os.ReadFile("../../docs/metrics/" + name + ".prom")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := exposition.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = exporters()[name](ctx, t); err != nil {
		t.Logf("the exposition of %s was not recorded: %v", name, err)
		return
	}
	now, err := exposition.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	keepSelected(t, filepath.Join("metrics", "broken", broken), name, now, golden)
}
