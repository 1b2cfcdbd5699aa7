// Command memStress holds memory, for the memory stressors of Chaos Mesh: its daemon
// starts a program of this name, with these flags, in the control group of the target.
// It is Ballast's own and takes the place of the program that upstream's image has.
//
//	memStress --size SIZE [--time DURATION] [--workers N] [--client]
//
// SIZE is what all workers hold together, such as 64MB or 64MiB; one process holds all
// of it. It is taken evenly over DURATION and then held. The program that is started
// keeps a client of its own, which holds the memory: when the kernel kills that one, as
// the limit of the container asks it to, another begins a second later. SIGTERM ends
// both, the client first, and SIGKILL of the program ends the client, too. Wrong flags
// end it with 64, and memory that cannot be had with 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
)

const (
	// about is what Ballast's probe of the daemon's image tells this program by.
	about = "memStress of Ballast"
	// again is how long a client that was killed is not started anew.
	again = time.Second
	// step is how often more memory is taken.
	step = 10 * time.Millisecond
	// mostWorkers is what the definition of a StressChaos allows.
	mostWorkers = 8192
	usage       = 64
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	flags := flag.NewFlagSet("memStress", flag.ContinueOnError)
	size := flags.String("size", "", "`bytes` that all workers hold together, such as 64MB or 64MiB")
	over := flags.Duration("time", 0, "how long it takes to take them, such as 10s")
	workers := flags.Int("workers", 1, "`number` of workers, which share the size")
	client := flags.Bool("client", false, "hold the memory, and do not watch over another that does")
	version := flags.Bool("version", false, "say whose program this is")
	if err := flags.Parse(args); err != nil {
		return usage
	}
	if *version {
		fmt.Println(about)
		return 0
	}
	bytes, err := sizeOf(*size)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("%q is not a flag", flags.Arg(0))
	case *over < 0:
		err = fmt.Errorf("--time %s is negative; write one like 10s", *over)
	case *workers < 1 || *workers > mostWorkers:
		err = fmt.Errorf("--workers %d: give 1 to %d", *workers, mostWorkers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "memStress:", err)
		return usage
	}
	if *client {
		err = hold(bytes, *over)
	} else {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		err = watch(ctx, bytes, *over)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "memStress:", err)
		return 1
	}
	return 0
}

// sizeOf reads a size in bytes, which is at most what the machine has.
func sizeOf(text string) (uint64, error) {
	if strings.HasSuffix(text, "%") {
		return 0, fmt.Errorf("--size %s: what this container may use cannot be read from here; give bytes, such as 64MiB", text)
	}
	bytes, err := humanize.ParseBytes(text)
	if err != nil || bytes == 0 {
		return 0, fmt.Errorf("--size %q is not a size; write one like 64MiB", text)
	}
	var machine syscall.Sysinfo_t
	if err := syscall.Sysinfo(&machine); err != nil {
		return 0, fmt.Errorf("how much memory the machine has: %w", err)
	}
	if all := uint64(machine.Totalram) * uint64(machine.Unit); bytes > all {
		return 0, fmt.Errorf("--size %s is more than the %s of this machine", text, humanize.IBytes(all))
	}
	return bytes, nil
}

// watch keeps one client until ctx ends, or returns why that one ended by itself. No
// client outlives it as a zombie: process 1 of a container seldom reaps strangers.
func watch(ctx context.Context, bytes uint64, over time.Duration) error {
	// The kernel takes the end of the thread that started a process for its parent's.
	runtime.LockOSThread()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for {
		cmd := exec.CommandContext(ctx, self, "--client", "--size="+strconv.FormatUint(bytes, 10), "--time="+over.String())
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		err := cmd.Run()
		var ended *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.As(err, &ended):
			return fmt.Errorf("start a client: %w", err)
		}
		if status, ok := ended.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
			return fmt.Errorf("the client ended: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(again):
		}
	}
}

// hold takes memory evenly over the time given and holds it until the process is killed.
// It returns only when it got none.
func hold(bytes uint64, over time.Duration) error {
	data, err := syscall.Mmap(-1, 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("take %s: %w", humanize.IBytes(bytes), err)
	}
	page, begin, taken := os.Getpagesize(), time.Now(), 0
	for taken < len(data) {
		due := len(data)
		if gone := time.Since(begin); gone < over {
			due = int(float64(len(data)) * gone.Seconds() / over.Seconds())
		}
		for ; taken < due; taken += page {
			data[taken] = 1 // a page is taken when it is first written to
		}
		if taken < len(data) {
			time.Sleep(step)
		}
	}
	for {
		time.Sleep(time.Hour)
	}
}
