package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"time"
)

// sleeper is a process that lives until the test ends it, or ends.
func sleeper(t *testing.T) (*exec.Cmd, ID) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "3600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	id, err := Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, id
}

func TestWhichProcessItIs(t *testing.T) {
	own, err := Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		id   ID
		want bool
	}{
		"this one":                  {own, true},
		"another with the same pid": {ID{own.PID, own.Start - 1, own.Boot}, false},
		"another with the same pid that began as early, before the machine was started again": {ID{own.PID, own.Start, "before"}, false},
		"one of which only the pid": {ID{PID: own.PID}, false},
		"none":                      {ID{}, false},
		"a pid that there is not":   {ID{1 << 30, own.Start, own.Boot}, false},
		"a group of processes":      {ID{-1, own.Start, own.Boot}, false},
		"this one, as earlier versions wrote it down": {ID{PID: own.PID, Start: own.Start}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if exists, runs := tt.id.Exists(), tt.id.Runs(); exists != tt.want || runs != tt.want {
				t.Errorf("exists: %t, runs: %t, want %t", exists, runs, tt.want)
			}
		})
	}
}

func TestAProcessThatWasKilledIsGoneBeforeAndAfterItIsWaitedFor(t *testing.T) {
	cmd, id := sleeper(t)
	if !id.Exists() || !id.Runs() {
		t.Error("it does not live")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); id.Exists(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never went")
		}
	}
	if id.Runs() {
		t.Error("it runs and does not exist")
	}
	if _, err := Of(id.PID); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a zombie: %v", err)
	}
	_ = cmd.Wait() // killed
	if id.Exists() || id.Runs() {
		t.Error("it lives")
	}
	if _, err := Of(id.PID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}
