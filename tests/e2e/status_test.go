//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStatus compares the output of status with Argo CD and the pods.
func TestStatus(t *testing.T) {
	skipUnless(t, on.own != nil, "a cluster of the program cluster; -kubeconfig names one that was there before")
	feature(t, "what runs where",
		check{"is shown in less than two seconds", func(ctx context.Context, t *testing.T) {
			began := time.Now()
			table, err := on.own.run(ctx, "status")
			took := time.Since(began)
			if err != nil {
				t.Fatal(err)
			}
			t.Log("\n" + table)
			figure(t, "make status", took.Seconds(), 2, "s")
			// Argo CD may change its answer between the two questions.
			await(ctx, t, time.Minute, "status to say what Argo CD says", func(ctx context.Context) (bool, string) {
				text, err := on.own.run(ctx, "status", "--format=json")
				if err != nil {
					return false, err.Error()
				}
				wrong := misstated(ctx, t, text)
				return wrong == "", wrong
			})
		}},
	)
}

// misstated is the first difference between a status in JSON and Argo CD.
func misstated(ctx context.Context, t *testing.T, text string) string {
	t.Helper()
	type application struct {
		Environment, Name, Sync, Health string
		Sources                         []struct{ Revision string }
		Images                          []struct{ Digest string }
	}
	var shown struct {
		Running      bool
		Problems     []string
		Applications []application
	}
	if err := json.Unmarshal([]byte(text), &shown); err != nil || !shown.Running || len(shown.Problems) > 0 {
		return seeing(err, text)
	}
	for _, name := range []string{environmentApp, "monitor", "probe", "observability", "chaos"} {
		i := slices.IndexFunc(shown.Applications, func(a application) bool { return a.Name == name })
		if i < 0 {
			return name + " is not shown"
		}
		a, err := applicationOf(ctx, name)
		if err != nil {
			return err.Error()
		}
		got := shown.Applications[i]
		if got.Environment != "sandbox" || got.Sync != a.sync || got.Health != a.health || len(got.Sources) == 0 || !slices.Contains(a.revisions, got.Sources[0].Revision) {
			return fmt.Sprintf("%s is shown as %+v, and Argo CD says %s", name, got, a)
		}
		runs := imageOf(ctx, t, "monitor")
		if name == "monitor" && !slices.ContainsFunc(got.Images, func(i struct{ Digest string }) bool { return strings.HasSuffix(runs, i.Digest) }) {
			return fmt.Sprintf("the monitor runs %s, and %v are shown", runs, got.Images)
		}
	}
	return ""
}
