//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// session is a runner at work. Its events are read as they come.
type session struct {
	cmd  *exec.Cmd
	out  string // directory of its evidence
	log  *safeBuffer
	gone chan struct{}

	mu     sync.Mutex
	seen   []event
	change chan struct{} // closed at the next event
}

// event is what the tests read of one of the runner's.
type event struct {
	Time    time.Time `json:"time"`
	Type    string    `json:"type"`
	Phase   string    `json:"phase"`
	Verdict string    `json:"verdict"`
	Effect  struct {
		Shown bool      `json:"shown"`
		At    time.Time `json:"at"`
	} `json:"effect"`
}

// safeBuffer is written by a process and read by a test.
type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// start starts `ballast run`. The process ends with the test, if not before.
func (r runner) start(ctx context.Context, t *testing.T, args ...string) *session {
	t.Helper()
	s := &session{out: t.TempDir(), log: &safeBuffer{}, gone: make(chan struct{}), change: make(chan struct{})}
	s.cmd = r.command(ctx, append([]string{"run", "--verbose", "--format=json", "--out=" + s.out}, args...)...)
	s.cmd.Stderr = s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.gone)
		s.read(stdout)
		_ = s.cmd.Wait() // its exit code says what is asked
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it has ended
		<-s.gone
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

func (s *session) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Type == "" {
			continue // the report at the end is one, too
		}
		s.mu.Lock()
		s.seen = append(s.seen, e)
		close(s.change)
		s.change = make(chan struct{})
		s.mu.Unlock()
	}
}

// await blocks until a phase of the session's experiment has begun, and returns when.
func (s *session) await(ctx context.Context, t *testing.T, phase string) time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		s.mu.Lock()
		for _, e := range s.seen {
			if e.Type == "phase" && e.Phase == phase {
				s.mu.Unlock()
				return e.Time
			}
		}
		change := s.change
		s.mu.Unlock()
		select {
		case <-change:
		case <-s.gone:
			t.Fatalf("the runner ended before phase %s: %s", phase, s.log)
		case <-ctx.Done():
			t.Fatalf("the runner did not come to phase %s: %v\n%s", phase, context.Cause(ctx), s.log)
		}
	}
}

// confirmed is when the runner first saw an effect, of a session that has ended.
func (s *session) confirmed(t *testing.T) time.Time {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.seen {
		if e.Type == "effect" && e.Effect.Shown {
			return e.Effect.At
		}
	}
	t.Fatal("the runner has seen no effect")
	return time.Time{}
}

// signal sends the runner a signal.
func (s *session) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// end blocks until the runner has ended, and returns what it reported and its exit code,
// -1 when a signal ended it.
func (s *session) end(t *testing.T, within time.Duration) ([]outcome, int) {
	t.Helper()
	select {
	case <-s.gone:
	case <-time.After(within):
		t.Fatalf("the runner has not ended after %s: %s", within, s.log)
	}
	return readOutcomes(t, s.out), s.cmd.ProcessState.ExitCode()
}

// memory is the most that the runner held, in MB.
func (s *session) memory() float64 {
	usage, ok := s.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return float64(usage.Maxrss) / 1000
}

// requests says how many requests a second the API server had of a runner that has ended,
// from its log.
func (s *session) requests(t *testing.T) float64 {
	t.Helper()
	found := regexp.MustCompile(`"msg":"the API server was asked","requests":(\d+),"seconds":([0-9.]+)`).FindStringSubmatch(s.log.String())
	if found == nil {
		t.Fatalf("the runner's log does not say how often it asked the API server: %s", s.log)
	}
	n, errN := strconv.ParseFloat(found[1], 64)
	seconds, err := strconv.ParseFloat(found[2], 64)
	if errN != nil || err != nil || seconds == 0 {
		t.Fatalf("not numbers: %v", found)
	}
	return n / seconds
}

// document writes experiments into a directory of the test, and returns it.
func document(t *testing.T, texts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		if err := os.WriteFile(dir+"/x"+strconv.Itoa(i)+".yaml", []byte(strings.TrimSpace(text)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
