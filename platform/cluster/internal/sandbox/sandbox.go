// Package sandbox runs programs that nobody has vouched for: as a user of their own,
// in namespaces of their own, on a file system that holds what they are to see and
// nothing else.
//
//	Run ──► this program again, process 1 of new namespaces: Main
//	         │ puts the file system together, gives up every right
//	         ▼
//	        the program itself, still process 1: all that it starts ends with it
//
// It needs root, or a system that lets every user make namespaces.
package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Subcommand is the hidden subcommand with which the program runs itself again, and
// whose work is Main.
const Subcommand = "__sandbox"

// user is the user and group of programs that root starts: a number that no account
// has, between those that systemd gives to services and nobody's.
const user = 65521

// Sandbox is what programs see of the machine: these directories and files at their
// own paths, /proc of their own processes, five devices, and an empty /tmp. Only Root
// is required.
type Sandbox struct {
	// Root is an empty directory. In the sandbox's own namespace it becomes the root of
	// its file system; on the machine it stays empty.
	Root string
	// ReadOnly and Writable are directories that exist; see Own for those to write to.
	ReadOnly, Writable []string
	Seeded             []Seed
	// Files are files that only the sandbox has, by their paths.
	Files map[string]string
}

// Seed is a directory that programs may write to, and that begins with what another
// one holds, which stays as it is. Where the system cannot do that, it begins empty.
type Seed struct {
	Dir  string // made by OwnSeed
	From string
}

// Command is one program to run.
type Command struct {
	Args   []string // Args[0] is a path
	Env    []string // all that the program gets
	Dir    string
	Output io.Writer // of both its outputs
	// Online lets it into a network: that of Network, or the caller's own when that is
	// nil. Otherwise it has none, not even a loopback.
	Online  bool
	Network *os.File
}

// plan is what Main reads.
type plan struct {
	Sandbox

	Args, Env []string
	Dir       string
	// User is 0 in a namespace of users, where that is the caller.
	User int
	// Try ends before the program would start.
	Try bool
}

// Run runs a program to its end. When ctx ends, or the caller, all of it is killed.
// An error that is an *exec.ExitError is the program's own, or says in the output that
// the sandbox could not be made.
func (s Sandbox) Run(ctx context.Context, c Command) error {
	return s.run(ctx, c, false)
}

// Possible returns nil when this system lets the caller make a sandbox, and else what
// keeps it from that. root is an empty directory.
func Possible(ctx context.Context, root string) error {
	var out strings.Builder
	if err := (Sandbox{Root: root}).run(ctx, Command{Args: []string{"nothing"}, Output: &out}, true); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(out.String()))
	}
	return nil
}

func (s Sandbox) run(ctx context.Context, c Command, try bool) error {
	p := plan{Sandbox: s, Args: c.Args, Env: c.Env, Dir: c.Dir, Try: try}
	if os.Getuid() == 0 {
		p.User = user
	}
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	plans, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer write.Close() //nolint:errcheck // the other side ends when it is closed, if not before
	cmd := exec.CommandContext(ctx, "/proc/self/exe", Subcommand)
	cmd.Env, cmd.Dir = []string{}, "/" // the caller's may hold secrets
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = c.Output, c.Output, []*os.File{plans}
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = attributes(c.Online)

	ended := make(chan error, 1)
	go func() {
		// Pdeathsig is about the thread that starts the process: it has to stay as long.
		runtime.LockOSThread()
		if !c.Online || c.Network == nil {
			defer runtime.UnlockOSThread()
		}
		err := c.start(cmd)
		_ = plans.Close() // or writing would block when the other side has ended
		if err != nil {
			ended <- fmt.Errorf("sandbox: %w", err)
			return
		}
		if _, err := write.Write(text); err != nil { // it has ended already, and Wait returns how
			_ = cmd.Process.Kill()
		}
		ended <- cmd.Wait()
	}()
	return <-ended
}

// start starts a process in the network of the command. A child is born into the
// namespaces of its thread: one that has been to another network must not be unlocked,
// so that it ends with its goroutine.
func (c Command) start(cmd *exec.Cmd) error {
	if c.Online && c.Network != nil {
		if err := unix.Setns(int(c.Network.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter the network: %w", err)
		}
	}
	return cmd.Start()
}

// attributes make new namespaces. Who is not root gets one of users, too, in which it
// may make the others.
func attributes(online bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{
		Setsid: true, Pdeathsig: syscall.SIGKILL,
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
	}
	if !online {
		a.Cloneflags |= unix.CLONE_NEWNET
	}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	}
	return a
}
