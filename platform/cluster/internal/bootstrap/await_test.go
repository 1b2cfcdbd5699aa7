package bootstrap

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestWhatArgoCDSaysOfApplications(t *testing.T) {
	row := func(fields ...string) string { return strings.Join(fields, "\t") + "\x00" }
	tests := map[string]struct {
		rows string
		want []application
	}{
		"nothing":                       {"", nil},
		"one":                           {row("monitor", "Synced", "Healthy", "Succeeded", "all well"), []application{{"monitor", "Synced", "Healthy", "Succeeded", "all well"}}},
		"two, in their order":           {row("b", "Synced", "Healthy", "", "") + row("a", "OutOfSync", "Missing", "Running", ""), []application{{"b", "Synced", "Healthy", "", ""}, {"a", "OutOfSync", "Missing", "Running", ""}}},
		"one of which nothing is known": {row("monitor", "", "", "", ""), []application{{name: "monitor"}}},
		"a message with tabs in it":     {row("monitor", "Synced", "Degraded", "Failed", "a\tb\tc"), []application{{"monitor", "Synced", "Degraded", "Failed", "a\tb\tc"}}},
		"a message of several lines":    {row("monitor", "Synced", "Degraded", "Failed", "first\nsecond\n") + row("probe", "Synced", "Healthy", "", ""), []application{{"monitor", "Synced", "Degraded", "Failed", "first"}, {"probe", "Synced", "Healthy", "", ""}}},
		"a row that breaks off":         {row("monitor", "Synced", "Healthy", "", "") + "probe\tSynced", []application{{"monitor", "Synced", "Healthy", "", ""}}},
		"what kubectl says of none":     {"No resources found in argocd namespace.\n", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, parseApplications(tt.rows), cmp.AllowUnexported(application{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestWhenAnApplicationIsSettled(t *testing.T) {
	for name, tt := range map[string]struct {
		app     application
		settled bool
		text    string
	}{
		"when it is what git says, and healthy":  {application{"monitor", "Synced", "Healthy", "Succeeded", ""}, true, "monitor is Synced and Healthy (Succeeded)"},
		"also while something is still reported": {application{"monitor", "Synced", "Healthy", "Running", "waiting for hooks"}, true, "monitor is Synced and Healthy (Running) waiting for hooks"},
		"not when git says more":                 {application{"monitor", "OutOfSync", "Healthy", "Failed", "no such chart"}, false, "monitor is OutOfSync and Healthy (Failed) no such chart"},
		"not when it is not healthy":             {application{"monitor", "Synced", "Progressing", "Succeeded", ""}, false, "monitor is Synced and Progressing (Succeeded)"},
		"not when it was not compared yet":       {application{"monitor", "Unknown", "Healthy", "", ""}, false, "monitor is Unknown and Healthy ()"},
		"not when nothing is known":              {application{name: "monitor"}, false, "monitor is  and  ()"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.app.settled(); got != tt.settled {
				t.Errorf("settled: %t", got)
			}
			if got := tt.app.String(); got != tt.text {
				t.Errorf("%q, want %q", got, tt.text)
			}
		})
	}
}

func TestTheFirstLineOfAMessage(t *testing.T) {
	x := strings.Repeat("x", 299)
	for name, tt := range map[string]struct{ text, want string }{
		"of none":                      {"", ""},
		"of one":                       {"one", "one"},
		"of several":                   {"one\ntwo\nthree", "one"},
		"of one that ends":             {"one\n", "one"},
		"that may just be":             {x + "y", x + "y"},
		"that is too long":             {x + "yz", x + "y…"},
		"that would be cut in a sign":  {x + "ä and more", x + "…"},
		"that is short, of a long one": {"one\n" + x + x, "one"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := firstLine(tt.text); got != tt.want || !utf8.ValidString(got) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestThePlatformIsAwaitedUntilAllOfItIsHealthy(t *testing.T) {
	asked := filepath.Join(t.TempDir(), "asked")
	t.Setenv("ASKED", asked)
	var r reports
	p := Platform{Report: r.report, Kubeconfig: "/kubeconfig", Kubectl: kubectl(t, `echo "$1 $2 $3" >> "$ASKED"
case "$(grep -c . "$ASKED")" in
  1) ;;
  2) printf 'monitor\tSynced\tHealthy\tSucceeded\t\0probe\tOutOfSync\tMissing\tRunning\t\0' ;;
  *) printf 'monitor\tSynced\tHealthy\tSucceeded\t\0probe\tSynced\tHealthy\tSucceeded\t\0' ;;
esac`)}
	if err := p.Await(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if want := []string{"monitor is healthy", "probe is healthy"}; !slices.Equal(r.told, want) {
		t.Errorf("told of %q, want %q", r.told, want)
	}
	calls, err := os.ReadFile(asked)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("--kubeconfig=/kubeconfig get applications.argoproj.io\n", 3); string(calls) != want {
		t.Errorf("asked %q", calls)
	}
}

func TestAPlatformThatDoesNotBecomeHealthy(t *testing.T) {
	const sick = `printf 'monitor\tSynced\tDegraded\tFailed\tno such image\0'`
	for name, tt := range map[string]struct{ script, says string }{
		"is named with what ails it":       {sick, "last seen: monitor is Synced and Degraded (Failed) no such image"},
		"may have nobody to ask":           {"echo 'connection refused' >&2; exit 1", "last seen: kubectl get: exit status 1: connection refused"},
		"is named also when kubectl hangs": {`[ "$(grep -c . "$ASKED")" = 1 ] || exec sleep 3600; ` + sick, "last seen: monitor is Synced and Degraded (Failed) no such image"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := filepath.Join(t.TempDir(), "asked")
			t.Setenv("ASKED", asked)
			var r reports
			p := Platform{Report: r.report, Kubectl: kubectl(t, `echo once >> "$ASKED"; `+tt.script)}
			ctx, cancel := context.WithCancel(t.Context())
			var err error
			var work sync.WaitGroup
			work.Go(func() { err = p.Await(ctx, time.Hour) })
			until(t, "kubectl is asked again", func() bool {
				text, _ := os.ReadFile(asked) // it may not have been asked yet
				return strings.Count(string(text), "\n") == 2
			})
			cancel()
			work.Wait()
			if !errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
	err := Platform{Kubectl: kubectl(t, "")}.Await(t.Context(), time.Millisecond)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.HasSuffix(err.Error(), "last seen: no application yet") {
		t.Errorf("one that has nothing in time: %v", err)
	}
}
