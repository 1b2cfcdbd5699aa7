package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stage is where programs run that are shell scripts. What they write to $NOTES is
// the order in which things happened.
type stage struct {
	supervisor

	notes string
	log   bytes.Buffer // of the supervisor; to be read when it has ended
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{notes: filepath.Join(t.TempDir(), "notes")}
	s.supervisor = supervisor{logs: t.TempDir(), logger: slog.New(slog.NewJSONHandler(&s.log, nil))}
	return s
}

func (s *stage) script(name, text string, after ...string) program {
	return program{name: name, args: []string{"/bin/sh", "-c", text}, env: []string{"NOTES=" + s.notes}, after: after}
}

// noted are the whole lines that the programs have written so far.
func (s *stage) noted(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(s.notes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	lines := strings.Split(string(text), "\n")
	return lines[:len(lines)-1]
}

// perform runs the programs beside the test until the function that it returns has
// been called, which waits, or the test has ended.
func (s *stage) perform(t *testing.T, all ...program) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if err := s.run(ctx, all); err != nil {
			t.Error(err)
		}
	})
	end = func() { cancel(); work.Wait() }
	t.Cleanup(end)
	return end
}

// told are the values that an attribute of the supervisor's log had.
func (s *stage) told(t *testing.T, attribute string) []string {
	t.Helper()
	var values []string
	for line := range bytes.Lines(s.log.Bytes()) {
		var record map[string]any
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatal(err)
		}
		if value, ok := record[attribute].(string); ok {
			values = append(values, value)
		}
	}
	return values
}

// stays is a program that tells of its start and lives until it is told to end.
const stays = `echo "$0 $$" >> "$NOTES"; exec sleep 3600`

func (s *stage) stays(name string, after ...string) program {
	p := s.script(name, stays, after...)
	p.args = append(p.args, name)
	return p
}

// began says whether a program has told of its start.
func (s *stage) began(t *testing.T, name string) bool {
	t.Helper()
	return slices.ContainsFunc(s.noted(t), func(line string) bool { return strings.HasPrefix(line, name+" ") })
}

func TestAProgramStartsWhenThoseBeforeItAreReady(t *testing.T) {
	s := newStage(t)
	store, beside, api := s.stays("store"), s.stays("beside"), s.stays("api", "store", "beside")
	var asked atomic.Int32
	store.ready = func(context.Context) error {
		if s.began(t, "api") {
			t.Error("api started before store was ready")
		}
		// Long enough for one that does not wait to be seen.
		if !s.began(t, "store") || !s.began(t, "beside") || asked.Add(1) <= 3 {
			return errors.New("not yet")
		}
		return nil
	}
	s.perform(t, api, store, beside)
	until(t, "api starts", func() bool { return s.began(t, "api") })
	if n := asked.Load(); n != 4 {
		t.Errorf("store was asked %d times", n)
	}
}

func TestAProgramThatEndedIsStartedAgain(t *testing.T) {
	t.Parallel() // a second passes before it is
	s := newStage(t)
	sick := s.script("sick", `echo sick >> "$NOTES"; [ "$(grep -c sick "$NOTES")" -gt 1 ] || exit 3; exec sleep 3600`)
	sick.ready = func(context.Context) error { return nil } // it is closed once, whatever comes after
	end := s.perform(t, sick, s.stays("after", "sick"))
	until(t, "sick starts again, and what is after it starts", func() bool { return len(s.noted(t)) == 3 })
	end()
	lines := s.noted(t)
	slices.Sort(lines)
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "after ") || lines[1] != "sick" || lines[2] != "sick" {
		t.Errorf("noted %q", lines)
	}
	if got := s.told(t, "error"); !slices.Equal(got, []string{"exit status 3"}) {
		t.Errorf("told of %q", got)
	}
}

func TestAtTheEndNothingIsLeft(t *testing.T) {
	t.Parallel() // what does not end when asked is given five seconds
	s := newStage(t)
	// The shell notes its end only if it is asked to end and not just killed.
	const tidy = `sleep 3600 & trap 'kill $!; echo "$0 ended" >> "$NOTES"; exit 0' TERM; echo "$0 $$" >> "$NOTES"; wait`
	one, two := s.script("one", tidy), s.script("two", tidy, "one")
	one.args, two.args = append(one.args, "one"), append(two.args, "two")
	stubborn := s.script("stubborn", `trap '' TERM; echo "stubborn $$" >> "$NOTES"; exec sleep 3600`)
	end := s.perform(t, one, two, stubborn)
	until(t, "all have started", func() bool { return len(s.noted(t)) == 3 })
	end()
	lines := s.noted(t)
	for _, want := range []string{"one ended", "two ended"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is not among %q", want, lines)
		}
	}
	for _, line := range lines {
		_, number, _ := strings.Cut(line, " ")
		pid, err := strconv.Atoi(number)
		if err != nil {
			continue // what told of its end
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s is left, %v", line, err)
		}
	}
	if got := s.told(t, "error"); len(got) > 0 {
		t.Errorf("the end is told as a failure: %q", got)
	}
}

func TestTheEndDoesNotWaitForWhatNeverBecomesReady(t *testing.T) {
	s := newStage(t)
	never := s.stays("never")
	never.ready = func(context.Context) error { return errors.New("not yet") }
	end := s.perform(t, never, s.stays("late", "never"))
	until(t, "the first has started", func() bool { return s.began(t, "never") })
	end()
	if s.began(t, "late") {
		t.Error("what was to wait has started")
	}
}

func TestNothingStartsAfterWhatThereIsNot(t *testing.T) {
	s := newStage(t)
	err := s.run(t.Context(), []program{s.stays("one"), s.stays("api", "one", "etcd")})
	if want := "program api starts after etcd, which does not exist"; err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
	if lines := s.noted(t); len(lines) > 0 {
		t.Errorf("these have started: %q", lines)
	}
}

func TestWhatAProgramIsGiven(t *testing.T) {
	s := newStage(t)
	handed := filepath.Join(t.TempDir(), "handed")
	write(t, handed, "from descriptor 3")
	f, err := os.Open(handed)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := s.script("giver", `pwd; echo "$OWN" >&2; cat <&3`)
	p.env, p.files = append(p.env, "OWN=of its own"), []*os.File{f}
	if err := s.once(t.Context(), p); err == nil || err.Error() != "it ended by itself" {
		t.Errorf("%v", err)
	}
	log := filepath.Join(s.logs, "giver.log")
	if got := read(t, log); got != "/\nof its own\nfrom descriptor 3" {
		t.Errorf("its log is %q", got)
	}
	info, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others read its log: %s", info.Mode())
	}
	// The log of the run before is what one looks into.
	if err := s.once(t.Context(), s.script("giver", "echo more")); err == nil {
		t.Error("it did not end")
	}
	if got := read(t, log); !strings.HasPrefix(got, "/\n") || !strings.HasSuffix(got, "more\n") {
		t.Errorf("its log is %q", got)
	}
}

func TestHowAProgramEnded(t *testing.T) {
	s := newStage(t)
	gone := program{name: "gone", args: []string{filepath.Join(t.TempDir(), "gone")}}
	for name, tt := range map[string]struct {
		program program
		want    string
	}{
		"by itself":         {s.script("p", "exit 0"), "it ended by itself"},
		"with an exit code": {s.script("p", "exit 64"), "exit status 64"},
		"by a signal":       {s.script("p", "kill -KILL $$"), "signal: killed"},
		"before it began":   {gone, "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.once(t.Context(), tt.program); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// No process runs here: without a directory for its log none is started.
func TestWhatCannotStartIsTriedLessAndLessOften(t *testing.T) {
	s := newStage(t)
	s.logs = filepath.Join(s.logs, "absent")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		began := time.Now()
		if err := s.run(ctx, []program{s.stays("p")}); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 3*time.Minute {
			t.Errorf("it ended after %s", took)
		}
	})
	want := []string{"1s", "2s", "4s", "8s", "16s", "30s", "30s", "30s", "30s", "30s"}
	if d := cmp.Diff(want, s.told(t, "restart_in")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := s.told(t, "error"); len(got) == 0 || !strings.Contains(got[0], "no such file") {
		t.Errorf("told of %q", got)
	}
}

func TestReadinessIsAskedForTenTimesASecond(t *testing.T) {
	s := newStage(t)
	synctest.Test(t, func(t *testing.T) {
		began, asked := time.Now(), 0
		ready := s.await(t.Context(), program{name: "p", ready: func(context.Context) error {
			if asked++; asked <= 10 {
				return errors.New("not yet")
			}
			return nil
		}})
		if took := time.Since(began); !ready || took != time.Second {
			t.Errorf("%t after %s", ready, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if s.await(ctx, program{name: "p", ready: func(context.Context) error { return errors.New("never") }}) {
			t.Error("what never is ready is")
		}
	})
}
