package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a peer that runs.
type process struct {
	cmd     *exec.Cmd
	address string
	pid     int
	// ran is what each thread has run, also of those that have ended.
	ran  map[string]time.Duration
	tail *tail
	done chan struct{}
}

// tail keeps the last of what a program says, and finds its address.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line)
	if len(t.lines) > 10 {
		t.lines = t.lines[1:]
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// begin starts a program and waits for the address that it names by the pattern's
// first group.
func begin(ctx context.Context, pattern, program string, args ...string) (*process, error) {
	return beginIn(ctx, 0, pattern, program, args...)
}

// beginIn is begin in new namespaces, such as CLONE_NEWNS.
func beginIn(ctx context.Context, namespaces uintptr, pattern, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...), ran: make(map[string]time.Duration), tail: &tail{}, done: make(chan struct{})} //nolint:gosec // the programs are named on the command line
	p.cmd.Env = append(os.Environ(), "MONITOR_DRAIN_PAUSE=0s")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: namespaces}
	read, write := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = write, write
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.pid = p.cmd.Process.Pid
	found := make(chan string, 1)
	go func() {
		defer close(p.done)
		address := regexp.MustCompile(pattern)
		lines := bufio.NewScanner(read)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.tail.add(lines.Text())
			if m := address.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case found <- m[1]:
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, read) // a line that is too long ends the scanner, not the program
	}()
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(p.cmd.Wait(), write.Close()) }()
	select {
	case p.address = <-found:
		return p, nil
	case err := <-ended:
		<-p.done
		return nil, fmt.Errorf("%s ended: %w: %s", filepath.Base(program), err, p.tail)
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill()
		<-p.done
		return nil, fmt.Errorf("%s named no address within a minute: %s", filepath.Base(program), p.tail)
	}
}

// end stops the program and waits for it.
func (p *process) end() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// processorTime is what all of its threads ran, in nanoseconds' steps. What a thread
// did after it was last looked at and before it ended is lost; Go's hardly ever end.
func (p *process) processorTime() (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.pid))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("process %d has no threads that can be read: %w", p.pid, errors.Join(err, errors.New(p.tail.String())))
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has just ended
		}
		ran, err := parseSchedstat(string(text))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", task, err)
		}
		p.ran[task] = ran
	}
	var sum time.Duration
	for _, ran := range p.ran {
		sum += ran
	}
	return sum, nil
}

func parseSchedstat(text string) (time.Duration, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("%q: want three numbers", text)
	}
	ns, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || ns < 0 {
		return 0, fmt.Errorf("%q is not a time in nanoseconds", fields[0])
	}
	return time.Duration(ns), nil
}

// resident is its resident memory in bytes.
func (p *process) resident() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0, err
	}
	return parseResident(text)
}

func parseResident(status []byte) (float64, error) {
	_, rest, ok := bytes.Cut(status, []byte("VmRSS:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	fields := strings.Fields(string(line))
	if !ok || len(fields) != 2 || fields[1] != "kB" {
		return 0, errors.New("no VmRSS in kB")
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	return kib * 1024, err
}
