package judge

import (
	"bytes"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// FuzzAgain reads whatever calls itself a report: judging it again ends without a panic.
func FuzzAgain(f *testing.F) {
	for _, edit := range []func(*record){func(*record) {}, (*record).oneShot, (*record).stop, (*record).control} {
		r := passing()
		edit(&r)
		run := result.Run{Spec: r.x, Evidence: r.ev}
		run.Judgment, _ = Judge(r.x, r.ev)
		var file bytes.Buffer
		if err := result.Encode(&file, result.Report{Version: result.Version, Verdict: run.Verdict, Experiments: []result.Run{run}}); err != nil {
			f.Fatal(err)
		}
		f.Add(file.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := result.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		if v, err := Again(r); err == nil && v != r.Verdict {
			t.Errorf("%s as reported, %s recomputed, and no error", r.Verdict, v)
		}
	})
}
