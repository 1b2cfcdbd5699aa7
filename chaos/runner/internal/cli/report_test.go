package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

func TestAReportIsJudgedAgain(t *testing.T) {
	run := engine.NotRun(experiment.Experiment{Name: "x"}, 1, false, result.Busy, "somebody else is here")
	whole := result.Report{Version: result.Version, Verdict: result.Inconclusive, Experiments: []result.Run{run}}
	for name, tc := range map[string]struct {
		edit func(*result.Report)
		want int
		says string
	}{
		"as it was written": {func(*result.Report) {}, result.Inconclusive.Exit(), "inconclusive"},
		"with another verdict of a run": {
			func(r *result.Report) { r.Experiments[0].Verdict = result.Pass }, exitInvalid, `verdict: "pass", recomputed "inconclusive"`,
		},
		"with another verdict of the whole": {
			func(r *result.Report) { r.Verdict = result.Pass }, exitInvalid, `verdict of the report: "pass", recomputed "inconclusive"`,
		},
		"with other evidence": {
			func(r *result.Report) { r.Experiments[0].Evidence.Before.Refused.Reason = result.Skipped }, exitInvalid, "the digest of spec and evidence",
		},
		"with evidence that shows neither a pass nor why not": {func(r *result.Report) {
			again := &r.Experiments[0]
			again.Evidence = result.Evidence{}
			again.Digest, _ = again.Sum()
			again.Judgment = result.Judgment{Verdict: result.Pass}
		}, exitInvalid, "neither a pass nor why not"},
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			if err := result.Encode(&file, whole); err != nil {
				t.Fatal(err)
			}
			r, err := result.Decode(&file)
			if err != nil {
				t.Fatal(err)
			}
			tc.edit(&r)
			var edited, out, errOut bytes.Buffer
			if err := result.Encode(&edited, r); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "report.json")
			if err := os.WriteFile(path, edited.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			got := Main([]string{"report", "--judge", path}, nil, &out, &errOut)
			if got != tc.want || !strings.Contains(out.String()+errOut.String(), tc.says) {
				t.Errorf("exit %d, want %d and %q:\n%s%s", got, tc.want, tc.says, out.String(), errOut.String())
			}
		})
	}
}
