package cli

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

const aRevision = "0123456789abcdef0123456789abcdef01234567"

// newRegistry starts a registry and returns REGISTRY.
func newRegistry(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, 0))))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// pushImage pushes an image of its own and returns its digest.
func pushImage(t *testing.T, repository string) string {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(repository + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, img, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// call runs the program and returns its exit code, its product and its messages.
func call(args ...string) (code int, product, messages string) {
	var out, errOut bytes.Buffer
	code = Main(args, nil, &out, &errOut)
	return code, out.String(), errOut.String()
}

// writeReport writes a report that can be judged, with an edit.
func writeReport(t *testing.T, edit func(*result.Report)) string {
	t.Helper()
	r := result.Report{
		Version: result.Version, Verdict: result.Inconclusive, Tool: result.Tool{Version: "v1", Digest: attest.Digest([]byte("program"))},
		Target:      result.TargetInfo{Kind: result.TargetCluster},
		Experiments: []result.Run{engine.NotRun(experiment.Experiment{Name: "x", YAML: "kind: Experiment\n"}, 1, false, result.Busy, "somebody else is here")},
	}
	if edit != nil {
		edit(&r)
	}
	file := filepath.Join(t.TempDir(), "report.json")
	var b bytes.Buffer
	if err := result.Encode(&b, r); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAttestAttachesWhatItsEvidenceShows(t *testing.T) {
	place := newRegistry(t) + "/ballast/monitor"
	digest := pushImage(t, place)
	image := place + "@" + digest
	for what, tc := range map[string]struct {
		image, revision, environment string
		edit                         func(*result.Report)
		code                         int
		says                         string
	}{
		"a report that could not be judged": {image, aRevision, "staging", nil, exitOK, "inconclusive of 1 experiments is attached to " + image},
		"a report with another verdict":     {image, aRevision, "staging", func(r *result.Report) { r.Verdict = result.Pass }, exitInvalid, `verdict of the report: "pass", recomputed "inconclusive"`},
		"a report of an older runner":       {image, aRevision, "staging", func(r *result.Report) { r.Tool.Digest = "" }, exitInvalid, "run the experiments again with this version"},
		"a report of nothing":               {image, aRevision, "staging", func(r *result.Report) { r.Experiments = nil }, exitInvalid, "it is about no experiment"},
		"a branch":                          {image, "main", "staging", nil, exitInvalid, `revision "main" is not a commit`},
		"an invalid environment":            {image, aRevision, "Staging!", nil, exitInvalid, `environment "Staging!"`},
		"an image by its tag":               {place + ":v1", aRevision, "staging", nil, exitUsage, "want REGISTRY/NAME@sha256:"},
		"an image that is not there":        {place + "@" + attest.Digest(nil), aRevision, "staging", nil, exitInvalid, "the image does not exist"},
		"a registry that is not there":      {"127.0.0.1:1/ballast/monitor@" + digest, aRevision, "staging", nil, exitUnavailable, "the registry cannot be asked"},
		"a repository that has no name":     {"@" + digest, aRevision, "staging", nil, exitUsage, "--image"},
	} {
		t.Run(what, func(t *testing.T) {
			code, out, errOut := call("attest", "--image", tc.image, "--revision", tc.revision, "--environment", tc.environment, writeReport(t, tc.edit))
			if code != tc.code || !strings.Contains(out+errOut, tc.says) {
				t.Errorf("exit %d, want %d and %q:\n%s%s", code, tc.code, tc.says, out, errOut)
			}
		})
	}
}

func TestAttestSaysWhatIsMissingAtOnce(t *testing.T) {
	code, _, errOut := call("attest", "--image", "x", writeReport(t, nil))
	if code != exitUsage || !strings.Contains(errOut, "--revision is missing") || !strings.Contains(errOut, "--environment is missing") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

func TestAttestTellsMachinesWhatItAttached(t *testing.T) {
	place := newRegistry(t) + "/ballast/monitor"
	image := place + "@" + pushImage(t, place)
	code, out, errOut := call("attest", "--format", "json", "--image", image, "--revision", aRevision, "--environment", "staging", writeReport(t, nil))
	var said struct {
		Digest    string
		Verdict   result.Verdict
		Statement attest.Statement
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || code != exitOK {
		t.Fatalf("exit %d: %v\n%s%s", code, err, out, errOut)
	}
	if !attest.IsDigest(said.Digest) || said.Verdict != result.Inconclusive || said.Statement.Revision != aRevision {
		t.Errorf("%+v", said)
	}
}
