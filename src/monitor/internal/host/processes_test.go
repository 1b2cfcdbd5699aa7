package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stat is a line of proc_pid_stat(5).
func stat(pid int, comm string, user, system, started, pages uint64) string {
	return fmt.Sprintf("%d (%s) S 1 1 1 0 -1 4194560 1 2 3 4 %d %d 5 6 20 0 7 0 %d 1000 %d 18446744073709551615 1 1\n", pid, comm, user, system, started, pages)
}

func TestProcessesAreThoseOfTheProcfs(t *testing.T) {
	proc := t.TempDir()
	put := func(name, content string) {
		t.Helper()
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := New(Config{Proc: proc})
	put("meminfo", "MemTotal: 1 kB\n")
	if _, _, err := h.Processes(t.Context()); !errors.Is(err, ErrUnsupported) {
		t.Errorf("without a process: %v", err)
	}
	const status = "Name:\tx\nUid:\t1000\t1001\t1002\t1003\nGid:\t1\t1\t1\t1\n"
	put("1/stat", stat(1, "init", 150, 50, 3, 2))
	put("1/status", status)
	put("1/cmdline", "init\x00--password=secret")
	put("77/stat", stat(77, "a) R (b\xff", 1, 2, 4, 0)) // a name can be anything
	put("77/status", status)
	put("78/stat", "78 (half")
	put("78/status", status)
	put("79/stat", stat(79, "nobody", 1, 2, 4, 0))
	put("79/status", "Name:\tx\n")
	put("80/status", status) // it ended
	put("81/stat", stat(80, "another", 1, 2, 4, 0))
	put("81/status", status)
	got, rep, err := h.Processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Process{
		{PID: 1, UID: 1001, Comm: "init", CPUSeconds: 2, MemoryBytes: 2 * uint64(os.Getpagesize()), Started: 3},
		{PID: 77, UID: 1001, Comm: `a) R (b\xff`, CPUSeconds: 0.03, Started: 4},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("processes (-want +got):\n%s", d)
	}
	if len(rep.Skipped) != 3 {
		t.Errorf("skipped %+v, want 78, 79 and 81", rep.Skipped)
	}
	if shown := fmt.Sprintf("%+v %+v", got, rep); strings.Contains(shown, "secret") {
		t.Errorf("a command line is shown: %s", shown)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.Processes(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

func TestThisProcessIsAmongTheProcesses(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("There is no procfs: processes of a real kernel were not read.")
	}
	list, _, err := New(Config{}).Processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.PID == os.Getpid() {
			if p.UID != uint32(os.Geteuid()) || p.MemoryBytes == 0 || p.Comm == "" {
				t.Errorf("this process is %+v", p)
			}
			return
		}
	}
	t.Errorf("it is not: %d processes", len(list))
}

func FuzzParseProcess(f *testing.F) {
	f.Add(stat(1, "init", 150, 50, 3, 2))
	f.Add("1 (")
	f.Add("1 () ")
	f.Fuzz(func(t *testing.T, line string) {
		if p, ok := parseProcess(line); ok && p.CPUSeconds < 0 {
			t.Errorf("%+v", p)
		}
	})
}
