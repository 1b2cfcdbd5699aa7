package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a program that does at each attempt what is written for it; what it was
// called with is in the file `calls` beside it.
func script(t *testing.T, attempts ...string) (path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "program")
	text := fmt.Sprintf("#!/bin/sh\ncd %q\necho \"called $*\" >>calls\ncase $(wc -l <calls) in\n", dir)
	for i, a := range attempts {
		text += fmt.Sprintf("%d)\n%s\n;;\n", i+1, a)
	}
	// A child that another test forks meanwhile would hold the file open for writing, and
	// a file that is cannot be run.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text+"*) echo 'one attempt too many'; exit 99 ;;\nesac\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func calls(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// prints is a part of a script that writes lines and exits.
func prints(code int, lines ...string) string {
	return fmt.Sprintf("cat <<'EOF'\n%s\nEOF\nexit %d", strings.Join(lines, "\n"), code)
}

// goTest is what `go test -json` prints about TestA, which ran from second 1 to 2.
func goTest(ended string, more ...string) string {
	code := 0
	if ended == "fail" {
		code = 1
	}
	return prints(code, append(more, line(1, "run", "p", "TestA", ""), line(2, "output", "p", "TestA", "    the output of TestA\n"),
		line(2, ended, "p", "TestA", ""), line(2, ended, "p", "", ""))...)
}

// saw makes a meter out of what it would have seen in three seconds.
func saw(late time.Duration) func() func() series {
	return func() func() series { return func() series { return during(3, late) } }
}

const starving = 300 * time.Millisecond

func TestWhatFailedIsRepeatedOnlyWhenItWasStarvedAndOnlyOnce(t *testing.T) {
	crash := line(2, "output", "p", "TestA", "panic: out of luck\n")
	build := prints(1, `{"ImportPath":"p","Action":"build-output","Output":"syntax error\n"}`, `{"ImportPath":"p","Action":"build-fail"}`, `{"Action":"fail","Package":"p","FailedBuild":"p"}`)
	for _, c := range []struct {
		name     string
		late     time.Duration
		attempts []string
		used     bool // the repetition, by another check
		want     error
		says     []string
		record   string
	}{
		{"what passed on a starved machine has passed", starving, []string{goTest("pass")}, false, nil, []string{"the machine during the tests: scheduling lag p99 0.300 s"}, ""},
		{"a failure on a fit machine is one", 0, []string{goTest("fail")}, false, errFailed, []string{"p TestA failed: scheduling lag p99 0.000 s", "the machine was fit"}, ""},
		{"a starved failure is repeated and may pass", starving, []string{goTest("fail"), goTest("pass")}, false, nil, nil, "REPEATED p TestA\n  first:  failed, starved: scheduling lag p99 0.300 s, steal 0.0%\n  second: passed: scheduling lag p99 0.300 s, steal 0.0%\n"},
		{"or fail again", starving, []string{goTest("fail"), goTest("fail")}, false, errFailed, nil, "REPEATED p TestA\n  first:  failed, starved: scheduling lag p99 0.300 s, steal 0.0%\n  second: failed: scheduling lag p99 0.300 s, steal 0.0%\n"},
		{"a repetition that runs nothing has not passed", starving, []string{goTest("fail"), prints(0, line(1, "pass", "p", "", ""))}, false, errFailed, []string{"second: failed"}, "REPEATED p TestA\n  first:  failed, starved: scheduling lag p99 0.300 s, steal 0.0%\n  second: failed: scheduling lag p99 0.000 s, steal 0.0%\n"},
		{"a second starved failure of the same CI run is not repeated", starving, []string{goTest("fail")}, true, errFailed, []string{"the one repetition is used up"}, "REPEATED another\n"},
		{"send lag starves a test, too", 0, []string{goTest("fail", line(1, "output", "p", "TestA", "SEND LAG p99 0.5 s\n")), goTest("pass")}, false, nil, nil, "REPEATED p TestA\n  first:  failed, starved: scheduling lag p99 0.000 s, send lag p99 0.500 s, steal 0.0%\n  second: passed: scheduling lag p99 0.000 s, steal 0.0%\n"},
		{"a panic is never repeated", starving, []string{goTest("fail", crash)}, false, errFailed, []string{`p reported "panic: out of luck"`}, ""},
		{"what does not compile is never repeated", starving, []string{build}, false, errFailed, []string{"syntax error", "the build failed"}, ""},
		{"two failures are never repeated", starving, []string{goTest("fail", line(0, "fail", "p", "TestB", ""))}, false, errFailed, []string{"p TestA failed", "p TestB failed", "2 tests failed"}, ""},
		{"a go command that fails by itself is never repeated", starving, []string{prints(2, "no go files")}, false, errFailed, []string{"no go files", "what failed is not a test"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tool, once, events := script(t, c.attempts...), filepath.Join(t.TempDir(), "once"), filepath.Join(t.TempDir(), "events")
			if c.used {
				if err := os.WriteFile(once, []byte("REPEATED another\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			s := suite{tool: tool, packages: "./...", flags: []string{"-count=1", "-args", "-out=x"}, events: events}
			err := check{stdout: &out, stderr: io.Discard, measure: saw(c.late), once: once}.tests(t.Context(), s)
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			want := []string{"called test -json ./... -count=1 -args -out=x", "called test -json p -count=1 -run=^TestA$ -args -out=x"}[:len(c.attempts)]
			if got := calls(t, tool); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("calls %q, want %q", got, want)
			}
			for _, says := range c.says {
				if !strings.Contains(out.String(), says) {
					t.Errorf("it does not say %q:\n%s", says, &out)
				}
			}
			record, err := os.ReadFile(once)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if string(record) != c.record {
				t.Errorf("the record is %q, want %q", record, c.record)
			}
			for record := range strings.Lines(c.record) {
				if !c.used && !strings.Contains(out.String(), record) {
					t.Errorf("%q of the record was not printed:\n%s", record, &out)
				}
			}
			written, err := os.ReadFile(events)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Count(written, []byte(`"Test":"TestA"`)); strings.Count(strings.Join(c.attempts, ""), `"Test":"TestA"`) != got {
				t.Errorf("%d events of TestA were written:\n%s", got, written)
			}
		})
	}
}

func TestAProgramIsRepeatedOnlyWhenItSaidThatTheMachineWasUnfit(t *testing.T) {
	const unfit = "inconclusive: instrument-unfit: send lag p99 in seconds is 0.25, at most 0.1"
	for _, c := range []struct {
		name     string
		late     time.Duration
		attempts []string
		want     error
		says     string
	}{
		{"the exit code is the one that is wanted", 0, []string{prints(1, "fail: slo-broken")}, nil, "the machine during the example: scheduling lag p99 0.000 s"},
		{"another verdict is wrong however busy the machine is", starving, []string{prints(0, "pass")}, errFailed, "ended with exit code 0, want 1"},
		{"unfit on a fit machine is a failure", 0, []string{prints(3, "inconclusive: no-data")}, errFailed, "the machine was fit"},
		{"unfit on a starved one is repeated", starving, []string{prints(3, "inconclusive"), prints(1, "fail")}, nil, "second: passed"},
		{"its own send lag says so, too", 0, []string{prints(3, unfit), prints(1, "fail")}, nil, "send lag p99 0.250 s"},
		{"unfit again is a failure", starving, []string{prints(3, unfit), prints(3, unfit)}, errFailed, "second: failed"},
		{"a program that a signal ends is never repeated", starving, []string{"kill -KILL $$"}, errFailed, "ended with exit code 137"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := script(t, c.attempts...)
			var out bytes.Buffer
			err := check{stdout: &out, stderr: io.Discard, measure: saw(c.late), once: filepath.Join(t.TempDir(), "once")}.
				program(t.Context(), program{name: "the example", args: []string{path}, want: 1, unfit: 3})
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if got := len(calls(t, path)); got != len(c.attempts) {
				t.Errorf("%d attempts, want %d", got, len(c.attempts))
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("it does not say %q:\n%s", c.says, &out)
			}
		})
	}
}

func TestNothingIsRepeatedWithoutARepetitionToSpend(t *testing.T) {
	t.Parallel()
	tool := script(t, goTest("fail"))
	var out bytes.Buffer
	err := check{stdout: &out, stderr: io.Discard, measure: saw(starving)}.tests(t.Context(), suite{tool: tool, packages: "./..."})
	if !errors.Is(err, errFailed) || !strings.Contains(out.String(), "nothing is repeated without --once") {
		t.Errorf("%v:\n%s", err, &out)
	}
}

func TestAnInterruptReachesTheCommandAndEndsTheCheck(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	if err := syscall.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	// The program starts another, as `go test` does, and waits for it.
	path := script(t, fmt.Sprintf("trap 'echo interrupted; kill $!; exit 3' INT\nsleep 1000 & echo >%q; wait", ready))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var out bytes.Buffer
	go func() {
		done <- check{stdout: &out, stderr: io.Discard, measure: saw(starving), once: filepath.Join(t.TempDir(), "once")}.
			program(ctx, program{name: "the example", args: []string{path}, unfit: 3})
	}()
	if _, err := os.ReadFile(ready); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, errFailed) || !strings.Contains(out.String(), "interrupted\n") || !strings.Contains(out.String(), "it was interrupted") {
		t.Errorf("%v:\n%s", err, &out)
	}
}

func TestTheCommandLine(t *testing.T) {
	for _, c := range []struct {
		name, args string
		want       int
		says       string
	}{
		{"help is a success", "--help", 0, "Run a check"},
		{"no packages are a mistake", "test", 64, "--packages is missing"},
		{"no command is a mistake", "run --want 1", 64, "the command to run is missing"},
		{"an unknown flag is a mistake", "run --twice true", 64, "unknown flag: --twice"},
		{"an unknown command is a mistake", "again", 64, `unknown command "again"`},
		{"a program that passes", "run -- true", 0, "FIT the machine during true: scheduling lag"},
		{"one that fails", "run -- false", 1, "FIT false ended with exit code 1, want 0"},
		{"one that is not there", "run -- ./none", 70, "run ./none"},
		{"a file that cannot be written", "test --packages p --events /dev/null/x", 70, "--events"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer // one at a time writes to it: the programs are silent
			if got := run(strings.Fields(c.args), &out, &out); got != c.want {
				t.Errorf("exit code %d, want %d", got, c.want)
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("it does not say %q:\n%s", c.says, &out)
			}
		})
	}
}
