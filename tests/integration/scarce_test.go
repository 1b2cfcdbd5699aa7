//go:build integration && linux

package integration

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// steady is long enough to take something away while it is observed.
var steady = variant{name: "steady", phases: phases{baseline: 8, observe: 15, recover: 20}, object: podFailure.object}

func TestAFullDiskUnderARunIsInconclusiveAndEverythingIsUndone(t *testing.T) {
	for _, phase := range []string{"baseline", "observe"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			mountedAt(t, h.tmp, 0, "2m")
			r := h.reach(phase, document(t, steady))
			filler := fill(t, h.tmp)
			x := evidenceOf(t, r)
			if r.code != 3 || x.Verdict != "inconclusive" || x.Reason != "target-unreachable" {
				t.Errorf("exit code %d, %s (%s); want 3, inconclusive (target-unreachable)", r.code, x.Verdict, x.Reason)
			}
			if verdict := r.await(isVerdict); !strings.Contains(verdict.Summary, "no space left on device") || !strings.Contains(verdict.Summary, "TMPDIR") {
				t.Errorf("the verdict does not say why and what to do: %s", verdict.Summary)
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			h.empty(time.Now(), nil)
		})
	}
}

func TestADiskThatIsFullBeforeARunIsNamed(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	mountedAt(t, h.tmp, 0, "64k")
	filler := fill(t, h.tmp)
	r := h.run(document(t, podKill))
	if x := evidenceOf(t, r); r.code != 3 || x.Reason != "target-unreachable" {
		t.Errorf("exit code %d, %s (%s); want 3, inconclusive (target-unreachable)", r.code, x.Verdict, x.Reason)
	}
	if verdict := r.await(isVerdict); !strings.Contains(verdict.Summary, "TMPDIR") {
		t.Errorf("the verdict does not say what to do: %s", verdict.Summary)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	h.empty(time.Now(), nil)
}

func TestADiskOfTheEvidenceThatFillsUpLeavesNoVerdict(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	out := mountedAt(t, t.TempDir(), 0, "1m")
	r := h.run("--out", out, document(t, podKill))
	r.await(inPhase("baseline"))
	fill(t, out)
	if code := r.ended(); code != 74 {
		t.Errorf("exit code %d, want 74: %s", code, r.stderr.String())
	}
	notFinished(t, out)
	h.empty(time.Now(), nil)
}

// notFinished fails the test unless all evidence in dir says that its run has no
// verdict yet.
func notFinished(t *testing.T, dir string) {
	t.Helper()
	for name, want := range map[string][]string{
		"report.json": {`"verdict": "inconclusive"`, `"reason": "interrupted"`, "not finished"},
		"junit.xml":   {"<error ", "not finished"},
		"report.html": {"not finished"},
	} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		for _, w := range want {
			if !strings.Contains(string(content), w) {
				t.Errorf("%s does not say %q", name, w)
			}
		}
		if strings.Contains(string(content), `"verdict": "pass"`) {
			t.Errorf("%s has a verdict", name)
		}
	}
}

func TestOneDirectoryOfEvidenceIsForOneRun(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	first := h.reach("baseline", document(t, podKill))
	notFinished(t, first.out)
	for _, args := range [][]string{
		{"run", "--out", first.out, document(t, podFailure)},
		{"run", "--out", first.out, "nowhere.yaml"},
		{"report", filepath.Join(first.out, "report.json")},
	} {
		code, _, stderr := h.ballast(args...)
		if code != 74 || !strings.Contains(stderr, first.out+": another run uses this directory") {
			t.Errorf("%s beside a run: exit code %d, want 74: %s", args[0], code, stderr)
		}
	}
	first.signal(syscall.SIGKILL)
	first.ended()
	h.empty(time.Now().Add(5*time.Second), nil)
	notFinished(t, first.out)
	if code, _, stderr := h.ballast("report", filepath.Join(first.out, "report.json")); code != 0 {
		t.Errorf("the evidence of a killed run cannot be rendered: exit code %d: %s", code, stderr)
	}
}

func TestAReaderOfStdoutThatGoesAwayCostsNeitherVerdictNorEvidence(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	out := filepath.Join(t.TempDir(), "out")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := h.command("run", "--format", "json", "--out", out, "--control", document(t, podKill))
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = write, &stderr
	if err := errors.Join(cmd.Start(), write.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := read.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	if err := read.Close(); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	x := evidence(t, out).one(t)
	want := map[string]int{"pass": 0, "fail": 1, "inconclusive": 3}[x.Verdict]
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Errorf("exit code %d, want that of the verdict %s: %s", code, x.Verdict, stderr.String())
	}
	if x.Reason == "interrupted" || !strings.Contains(stderr.String(), "stdout was closed by its reader") {
		t.Errorf("%s (%s), and stderr says: %s", x.Verdict, x.Reason, stderr.String())
	}
	h.empty(time.Now(), nil)
}

func TestAStdoutThatTakesNothingIsNotASuccess(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer full.Close()
	cmd := h.command("validate", document(t, podKill))
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = full, &stderr
	err = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 74 || !strings.Contains(stderr.String(), "stdout cannot be written") {
		t.Errorf("exit code %d (%v), want 74: %s", code, err, stderr.String())
	}
}

// A plan on a part of the fleet would show the wrong share of it.
func TestFewOpenFilesAreNamedAndNeverGiveAWrongPercentage(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path := document(t, podKill)
	for _, limit := range []int{16, 24, 32, 40, 64, 128, 192, 1024} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n "$1" && shift && exec "$@"`, "sh",
			strconv.Itoa(limit), filepath.Join(binaries, "ballast"), "plan", path)
		cmd.Dir, cmd.Env = repository, h.environment()
		out, err := cmd.CombinedOutput()
		text := string(out)
		switch code := cmd.ProcessState.ExitCode(); {
		case code == 0 && strings.Contains(text, "1 targets, 33.3% of the workload"):
		case code == 3 && limit < 1024 && strings.Contains(text, "ulimit -n 1024"):
		default:
			t.Errorf("with %d open files: exit code %d (%v): %s", limit, code, err, text)
		}
	}
	h.empty(time.Now(), nil)
}

func TestADirectoryForTemporaryFilesThatIsNoneIsNamed(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path := document(t, podKill)
	cmd := h.command("plan", path)
	cmd.Env = append(cmd.Env, "TMPDIR="+path)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(string(out), "not a directory") || !strings.Contains(string(out), "TMPDIR") {
		t.Errorf("exit code %d (%v), want 3 and what to do: %s", code, err, out)
	}
}
