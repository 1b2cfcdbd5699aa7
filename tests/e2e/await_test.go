//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/e2e-framework/pkg/envconf"
	"sigs.k8s.io/e2e-framework/pkg/features"

	"github.com/ballast-sre/ballast/tests/e2e/bounds"
)

// await blocks until look says that it is done, and returns how long that took, to 5% or
// 0.1 s: each look costs the API server some of the processor that the pods under test
// need, too. When it takes longer than within, the test ends with what was seen last.
func await(ctx context.Context, t testing.TB, within time.Duration, what string, look func(context.Context) (done bool, seen string)) time.Duration {
	t.Helper()
	began := time.Now()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		done, seen := look(ctx)
		if done {
			return time.Since(began)
		}
		select {
		case <-time.After(max(100*time.Millisecond, time.Since(began)/20)):
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v; last seen: %s", what, context.Cause(ctx), seen)
		case <-deadline.C:
			t.Fatalf("not within %s: %s; last seen: %s", within, what, seen)
		}
	}
}

// seeing makes an observation of an error, or of what there is instead.
func seeing(err error, otherwise string) string {
	if err != nil {
		return err.Error()
	}
	return otherwise
}

// figure prints a measurement beside its bound, in the same unit, and fails the test
// when it misses the bound by more than twice.
func figure(t testing.TB, what string, got, bound float64, unit string) {
	t.Helper()
	line, ok := bounds.Judge(what, got, bound, unit)
	t.Log(line)
	if !ok {
		t.Fail()
	}
}

// random is a name that no other test has.
func random(prefix string) string {
	const enough = 6
	return prefix + "-" + strings.ToLower(rand.Text()[:enough])
}

// check is one assessment of a feature.
type check struct {
	says string
	do   func(ctx context.Context, t *testing.T)
}

// feature runs assessments in turn; each may count on those before it. What one of
// them makes with its own t ends with it: what several need belongs to the test.
func feature(t *testing.T, name string, checks ...check) {
	t.Helper()
	f := features.New(name)
	for _, c := range checks {
		f.Assess(c.says, func(ctx context.Context, t *testing.T, _ *envconf.Config) context.Context {
			t.Helper()
			c.do(ctx, t)
			return ctx
		})
	}
	testenv.Test(t, f.Feature())
}
