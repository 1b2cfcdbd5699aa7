// Command intruder tries what a program in a sandbox must not be able to do, an
// attempt for each argument, and writes a line of JSON for each: what it got, or the
// error.
package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type answer struct{ Got, Error string }

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, arg := range os.Args[1:] {
		what, of, _ := strings.Cut(arg, " ")
		got, err := attempt(what, of)
		a := answer{Got: got}
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			panic(err)
		}
	}
}

func attempt(what, of string) (string, error) {
	switch what {
	case "read":
		text, err := os.ReadFile(of)
		return string(text), err
	case "list":
		entries, err := os.ReadDir(of)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " "), err
	case "write":
		return "", os.WriteFile(of, []byte("intruder"), 0o666)
	case "append":
		f, err := os.OpenFile(of, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return "", err
		}
		_, err = f.WriteString("intruder")
		return "", err
	case "remove":
		return "", os.Remove(of)
	case "rename":
		return "", os.Rename(of, of+".intruder")
	case "chmod":
		return "", os.Chmod(of, 0o777)
	case "link":
		return "", os.Link(of, filepath.Join(os.Getenv("TMPDIR"), "link"))
	case "mknod":
		return "", syscall.Mknod(of, syscall.S_IFBLK|0o666, 254<<8)
	case "mount":
		return "", syscall.Mount("tmpfs", of, "tmpfs", 0, "")
	case "remount":
		return "", syscall.Mount("", of, "", syscall.MS_BIND|syscall.MS_REMOUNT, "")
	case "unmount":
		return "", syscall.Unmount(of, syscall.MNT_DETACH)
	case "chroot":
		return "", syscall.Chroot(of)
	case "dial":
		network, address, _ := strings.Cut(of, " ")
		conn, err := net.DialTimeout(network, address, 2*time.Second)
		if err != nil {
			return "", err
		}
		return "", conn.Close()
	case "listen":
		l, err := net.Listen("tcp", of)
		if err != nil {
			return "", err
		}
		return "", l.Close()
	case "setuid":
		return "", syscall.Setuid(0)
	case "kill":
		pid, err := strconv.Atoi(of)
		if err != nil {
			return "", err
		}
		return "", syscall.Kill(pid, 0)
	case "hostname":
		return "", syscall.Sethostname([]byte("intruder"))
	case "environ":
		return strings.Join(os.Environ(), " "), nil
	case "status": // a field of what the kernel knows of this process
		text, err := os.ReadFile("/proc/self/status")
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, of+":"); ok {
				return strings.TrimSpace(value), err
			}
		}
		return "", err
	case "processes":
		all, err := filepath.Glob("/proc/[0-9]*")
		return strings.Join(all, " "), err
	case "descriptors":
		all, err := filepath.Glob("/proc/self/fd/*")
		var open []string
		for _, fd := range all {
			if to, err := os.Readlink(fd); err == nil {
				open = append(open, filepath.Base(fd)+"="+to)
			}
		}
		return strings.Join(open, " "), err
	case "sleep":
		time.Sleep(time.Hour)
	case "spawn": // a process that would outlive this one
		p, err := os.StartProcess("/proc/self/exe", []string{"intruder", "sleep"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}})
		if err != nil {
			return "", err
		}
		return strconv.Itoa(p.Pid), nil
	}
	return "", syscall.ENOSYS
}
