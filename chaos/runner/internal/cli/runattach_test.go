package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestRunRefusesWhatItCouldNotAttachBeforeItBegins(t *testing.T) {
	image := "registry.example/ballast/monitor@" + attest.Digest(nil)
	for what, tc := range map[string]struct {
		args []string
		says string
	}{
		"a revision of nothing":     {[]string{"--revision", aRevision}, "--revision has no effect without --attach"},
		"a credential for nothing":  {[]string{"--auth", "x"}, "--auth has no effect without --attach"},
		"an image and nothing else": {[]string{"--attach", image}, "--revision is missing"},
		"an image by its tag":       {[]string{"--attach", "registry.example/x:v1", "--revision", aRevision, "--environment", "staging"}, "want REGISTRY/NAME@sha256:"},
		"a branch":                  {[]string{"--attach", image, "--revision", "main", "--environment", "staging"}, `--revision "main" is not a commit`},
		"an invalid environment":    {[]string{"--attach", image, "--revision", aRevision, "--environment", "Staging!"}, `--environment "Staging!"`},
	} {
		t.Run(what, func(t *testing.T) {
			out := t.TempDir()
			code, _, errOut := call(append([]string{"run", "--out", out, "../../../../docs/examples"}, tc.args...)...)
			if code != exitUsage || !strings.Contains(errOut, tc.says) {
				t.Errorf("exit %d, want %d and %q: %s", code, exitUsage, tc.says, errOut)
			}
		})
	}
}

func TestARunsReportIsAttachedWhateverItSays(t *testing.T) {
	place := newRegistry(t) + "/ballast/monitor"
	digest := pushImage(t, place)
	dir := filepath.Dir(writeReport(t, nil))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for what, tc := range map[string]struct {
		ctx   context.Context //nolint:containedctx // It is what differs.
		image string
		code  int
		err   error
		out   string
		log   string
	}{
		"a verdict that is not a pass":       {t.Context(), place + "@" + digest, 3, nil, "is attached to " + place, ""},
		"one that cannot be attached":        {t.Context(), "127.0.0.1:1/x@" + digest, 3, nil, "", "the report is not attached: "},
		"a pass that cannot be attached":     {t.Context(), "127.0.0.1:1/x@" + digest, exitOK, attest.ErrUnreachable, "", ""},
		"what somebody interrupted":          {ended, "127.0.0.1:1/x@" + digest, 3, nil, "", ""},
		"what is to be attached nowhere":     {t.Context(), "", 1, nil, "", ""},
		"a pass that is to be kept by files": {t.Context(), "", exitOK, nil, "", ""},
	} {
		t.Run(what, func(t *testing.T) {
			var f attachFlags
			cmd := &cobra.Command{Use: "run"}
			f.register(cmd)
			args := []string{}
			if tc.image != "" {
				args = []string{"--attach", tc.image, "--revision", aRevision, "--environment", "staging"}
			}
			if err := errors.Join(cmd.ParseFlags(args), f.check(cmd)); err != nil {
				t.Fatal(err)
			}
			var out, log bytes.Buffer
			err := f.attach(tc.ctx, streams{out: &out, err: &log}, &commonFlags{format: formatText}, dir, tc.code)
			if !errors.Is(err, tc.err) || !strings.Contains(out.String(), tc.out) || !strings.Contains(log.String(), tc.log) {
				t.Errorf("%v: %s%s", err, out.String(), log.String())
			}
			if tc.out == "" && out.Len() > 0 || tc.log == "" && log.Len() > 0 {
				t.Errorf("it says %s%s", out.String(), log.String())
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "report.json")); err != nil || result.Inconclusive.Exit() != 3 {
		t.Error(err)
	}
}
