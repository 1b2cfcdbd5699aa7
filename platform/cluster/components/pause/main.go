// Command pause holds the namespaces of a pod: it does nothing until it is told to
// end. As process 1 of a pod whose containers share their processes it reaps the
// orphans.
//
// With a command as its arguments it waits for SIGCONT and then becomes that
// command: Chaos Mesh moves it into a cgroup meanwhile.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "pause:", become(os.Args[1:]))
		os.Exit(1)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}

// become returns only when the command could not be started.
func become(command []string) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCONT)
	<-signals
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, command, os.Environ())
}
