//go:build integration && linux

package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen.
const patience = 2 * time.Minute

// event is one line of --format json, as far as these tests read it.
type event struct {
	Time       time.Time `json:"time"`
	Type       string    `json:"type"`
	Experiment string    `json:"experiment"`
	Attempt    int       `json:"attempt"`
	Phase      string    `json:"phase"`
	Verdict    string    `json:"verdict"`
	Reason     string    `json:"reason"`
	Summary    string    `json:"summary"`
	Finding    *struct {
		Reason string `json:"reason"`
		Detail string `json:"detail"`
	} `json:"finding"`
}

// runner is one `ballast run --format json` under way.
type runner struct {
	t      *testing.T
	home   *home
	out    string // directory of the evidence
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan struct{} // closed when the process has ended and all is read
	code   int           // set before done; −1 when a signal ended it

	mu     sync.Mutex
	events []event
	news   chan struct{} // closed and renewed with each event
}

// environment is the test's own, with the home for temporary files and changes
// of the form KEY=VALUE.
func (h *home) environment(changes ...string) []string {
	changes = append(changes, "TMPDIR="+h.tmp)
	env := slices.DeleteFunc(os.Environ(), func(have string) bool {
		key, _, _ := strings.Cut(have, "=")
		return slices.ContainsFunc(changes, func(c string) bool { return strings.HasPrefix(c, key+"=") })
	})
	return append(env, changes...)
}

// command is ballast at the repository's root in this home.
func (h *home) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(binaries, "ballast"), args...)
	cmd.Dir, cmd.Env = repository, h.environment()
	return cmd
}

// ballast runs a command that ends by itself and returns what it wrote.
func (h *home) ballast(args ...string) (code int, stdout, stderr string) {
	h.t.Helper()
	var out, err bytes.Buffer
	cmd := h.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &err
	var exit *exec.ExitError
	if e := cmd.Run(); e != nil && !errors.As(e, &exit) {
		h.t.Fatal(e)
	}
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

// run starts `ballast run` with the arguments. The test's end kills it.
func (h *home) run(args ...string) *runner {
	h.t.Helper()
	r := &runner{t: h.t, home: h, out: filepath.Join(h.t.TempDir(), "out"), done: make(chan struct{}), news: make(chan struct{})}
	r.cmd = h.command(append([]string{"run", "--format", "json", "--out", r.out}, args...)...)
	r.cmd.Stderr = &r.stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				e.Type = fmt.Sprintf("%q is no event: %v", lines.Text(), err)
			}
			r.mu.Lock()
			r.events = append(r.events, e)
			close(r.news)
			r.news = make(chan struct{})
			r.mu.Unlock()
		}
		var exit *exec.ExitError
		if err := r.cmd.Wait(); err != nil && !errors.As(err, &exit) {
			r.mu.Lock()
			r.events = append(r.events, event{Type: err.Error()})
			r.mu.Unlock()
		}
		r.code = r.cmd.ProcessState.ExitCode()
	}()
	h.t.Cleanup(func() {
		select {
		case <-r.done:
		default:
			r.signal(syscall.SIGKILL)
			<-r.done
			h.empty(time.Now().Add(5*time.Second), nil)
		}
		if h.t.Failed() {
			h.t.Logf("%v\nevents: %+v\nstderr: %s", r.cmd.Args, r.told(func(e event) bool { return e.Type != "sample" }), r.stderr.String())
		}
	})
	return r
}

// told are the events so far that match.
func (r *runner) told(match func(event) bool) []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []event
	for _, e := range r.events {
		if match(e) {
			out = append(out, e)
		}
	}
	return out
}

func inPhase(phase string) func(event) bool {
	return func(e event) bool { return e.Type == "phase" && e.Phase == phase }
}

func isVerdict(e event) bool { return e.Type == "verdict" }

// await blocks until an event matches and returns it.
func (r *runner) await(match func(event) bool) event {
	r.t.Helper()
	late := time.After(patience)
	for {
		r.mu.Lock()
		news := r.news
		r.mu.Unlock()
		if found := r.told(match); len(found) > 0 {
			return found[0]
		}
		select {
		case <-news:
		case <-r.done:
			if found := r.told(match); len(found) > 0 {
				return found[0]
			}
			r.t.Fatalf("the runner ended, exit code %d, without what was waited for", r.code)
		case <-late:
			r.t.Fatalf("nothing within %s of what was waited for", patience)
		}
	}
}

// ended blocks until the runner has ended and returns its exit code.
func (r *runner) ended() int {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		r.t.Fatalf("the runner lives after %s", patience)
	}
	return r.code
}

func (r *runner) signal(sig syscall.Signal) {
	if err := r.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		r.t.Errorf("%v to the runner: %v", sig, err)
	}
}

// lastPhase is the phase that the runner told of last.
func (r *runner) lastPhase() string {
	phases := r.told(func(e event) bool { return e.Type == "phase" })
	if len(phases) == 0 {
		return "start-up"
	}
	return phases[len(phases)-1].Phase
}

// reach starts a run and returns it when it is in the phase.
func (h *home) reach(phase string, args ...string) *runner {
	h.t.Helper()
	r := h.run(args...)
	if e := r.await(func(e event) bool { return inPhase(phase)(e) || isVerdict(e) }); e.Type != "phase" {
		h.t.Fatalf("the run ended before %s: %s (%s): %s", phase, e.Verdict, e.Reason, e.Summary)
	}
	return r
}

// finish starts a run and returns it when it has ended.
func (h *home) finish(args ...string) *runner {
	h.t.Helper()
	r := h.run(args...)
	r.ended()
	return r
}
