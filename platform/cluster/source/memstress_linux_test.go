package source

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v3/process"
)

// memStress is the program, built as a node builds it.
func memStress(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "memStress")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	cmd.Dir = filepath.Join("..", "components", "memstress")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// holder is the client of a memStress, nil while there is none.
func holder(t *testing.T, pid int) *process.Process {
	t.Helper()
	parent, err := process.NewProcessWithContext(t.Context(), int32(pid))
	if err != nil {
		return nil
	}
	children, err := parent.ChildrenWithContext(t.Context())
	if err != nil || len(children) != 1 {
		return nil
	}
	return children[0]
}

// resident is what a process holds, in bytes; 0 when it is gone.
func resident(t *testing.T, p *process.Process) uint64 {
	t.Helper()
	info, err := p.MemoryInfoWithContext(t.Context())
	if err != nil {
		return 0
	}
	return info.RSS
}

// dead says whether a process has ended, reaped or not.
func dead(t *testing.T, p *process.Process) bool {
	t.Helper()
	status, err := p.StatusWithContext(t.Context())
	return err != nil || len(status) == 1 && status[0] == process.Zombie
}

func TestMemStressHoldsWhatItIsAskedFor(t *testing.T) {
	const (
		size  = 64 << 20
		slack = 16 << 20 // the program itself, and pages that come in large ones
		over  = 2 * time.Second
	)
	program := memStress(t)
	for name, end := range map[string]struct {
		signal syscall.Signal
		reaped bool
	}{
		"until it is asked to end, and leaves no zombie": {syscall.SIGTERM, true},
		"until it is killed":                             {syscall.SIGKILL, false},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			cmd := exec.CommandContext(t.Context(), program, "--workers", "2", "--size", "64MiB", "--time", over.String())
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waited := false
			t.Cleanup(func() {
				if !waited {
					_ = cmd.Process.Kill() // the test has failed already
					_ = cmd.Wait()
				}
			})
			var client *process.Process
			until(t, "a client", func() bool { client = holder(t, cmd.Process.Pid); return client != nil })
			until(t, "all of the memory", func() bool {
				got := resident(t, client)
				if share := min(1, time.Since(begin).Seconds()/over.Seconds()); float64(got) > share*size+slack {
					t.Fatalf("it holds %d MiB after %.0f%% of the time", got>>20, 100*share)
				}
				return got >= size
			})
			// The kernel kills the largest process of a container that is over its limit.
			if err := client.SendSignalWithContext(t.Context(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			var next *process.Process
			until(t, "another client", func() bool {
				next = holder(t, cmd.Process.Pid)
				return next != nil && next.Pid != client.Pid
			})

			if err := cmd.Process.Signal(end.signal); err != nil {
				t.Fatal(err)
			}
			err := cmd.Wait()
			waited = true
			if end.reaped && err != nil {
				t.Errorf("asked to end, it ended with %v", err)
			}
			if alive, err := process.PidExistsWithContext(t.Context(), next.Pid); end.reaped && (err != nil || alive) {
				t.Errorf("its client is there after it: %v, %v", alive, err)
			}
			until(t, "the end of the client", func() bool { return dead(t, next) })
		})
	}
}

func TestMemStressRefusesWhatItCannotHold(t *testing.T) {
	program := memStress(t)
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no size":                   {nil, `--size "" is not a size; write one like 64MiB`},
		"no memory":                 {[]string{"--size=0MB"}, "is not a size"},
		"words":                     {[]string{"--size=much"}, "is not a size"},
		"a share of something":      {[]string{"--size=50%"}, "give bytes"},
		"more than the machine has": {[]string{"--size=900PB"}, "more than the"},
		"no workers":                {[]string{"--size=1MB", "--workers=0"}, "give 1 to 8192"},
		"time that runs backwards":  {[]string{"--size=1MB", "--time=-1s"}, "is negative"},
		"time without a unit":       {[]string{"--size=1MB", "--time=10"}, "invalid value"},
		"a flag that there is not":  {[]string{"--size=1MB", "--forever"}, "not defined"},
		"a word that is not a flag": {[]string{"--size=1MB", "extra"}, `"extra"`},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), program, tc.args...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			err := cmd.Run()
			if cmd.ProcessState.ExitCode() != 64 || !strings.Contains(stderr.String(), tc.says) {
				t.Errorf("%v: %s", err, stderr.String())
			}
		})
	}
}

func TestMemStressSaysWhoseItIs(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), memStress(t), "--version").Output()
	if err != nil || string(out) != "memStress of Ballast\n" {
		t.Errorf("%q, %v", out, err)
	}
}
