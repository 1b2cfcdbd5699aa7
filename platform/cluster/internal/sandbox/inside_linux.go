package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// planFD is the descriptor from which the plan is read. Its other end is closed when
// the caller ends.
const planFD = 3

// Main is process 1 of a sandbox. It becomes the program of the plan; when it returns
// an exit code other than 0, it could not, and has written the reason to stderr.
func Main(stderr io.Writer) int {
	err := inside()
	if err == nil {
		return 0 // it was only to try
	}
	fmt.Fprintf(stderr, "sandbox: %v\n", err)
	return 70
}

func inside() error {
	if os.Getpid() != 1 {
		return errors.New("this is process 1 of a sandbox; a builder starts it")
	}
	// Rights belong to threads, and the one that executes the program decides.
	runtime.LockOSThread()
	unix.CloseOnExec(planFD)
	var p plan
	plans := os.NewFile(planFD, "plan")
	if err := json.NewDecoder(plans).Decode(&p); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if err := p.files(); err != nil {
		return err
	}
	if err := p.confine(); err != nil {
		return err
	}
	// Changing the user has reset this. It does not notice a builder that ended before.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("end with the builder: %w", err)
	}
	if gone(plans) {
		return errors.New("the builder has ended")
	}
	if p.Try {
		return nil
	}
	if err := os.Chdir(p.Dir); err != nil {
		return err
	}
	if err := unix.Exec(p.Args[0], p.Args, p.Env); err != nil {
		return fmt.Errorf("%s: %w", p.Args[0], err)
	}
	return nil
}

// gone says whether nobody has the other end of a pipe any more.
func gone(pipe *os.File) bool {
	fds := []unix.PollFd{{Fd: int32(pipe.Fd())}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1 && fds[0].Revents&unix.POLLHUP != 0
}

// files puts the file system together and makes it the only one.
func (p plan) files() error {
	mount := func(source, target, kind string, flags uintptr, data string) error {
		if err := unix.Mount(source, target, kind, flags, data); err != nil {
			return fmt.Errorf("mount %s: %w", target, err)
		}
		return nil
	}
	const plain = unix.MS_NOSUID | unix.MS_NODEV
	// Nothing of it reaches the machine.
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", p.Root, "tmpfs", plain, "mode=755,size=16m"); err != nil {
		return err
	}
	at := func(path string) string { return filepath.Join(p.Root, path) }
	if err := errors.Join(os.MkdirAll(at("/proc"), 0o755), os.MkdirAll(at("/dev"), 0o755), os.MkdirAll(at("/tmp"), 0o755)); err != nil {
		return err
	}
	// Only processes, and nothing else of the kernel, where it knows this option.
	err := mount("proc", at("/proc"), "proc", plain|unix.MS_NOEXEC, "subset=pid")
	if errors.Is(err, unix.EINVAL) {
		err = mount("proc", at("/proc"), "proc", plain|unix.MS_NOEXEC, "")
	}
	if err != nil {
		return err
	}
	if err := mount("tmpfs", at("/tmp"), "tmpfs", plain, "mode=1777,size=64m"); err != nil {
		return err
	}
	for _, device := range []string{"null", "zero", "full", "random", "urandom"} {
		path := filepath.Join("/dev", device)
		if err := os.WriteFile(at(path), nil, 0o600); err != nil {
			return err
		}
		if err := mount(path, at(path), "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(slices.Values(p.ReadOnly)) { // what is above comes first
		if err := p.show(path, path, unix.MS_RDONLY); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(slices.Values(p.Writable)) {
		if err := p.show(path, path, 0); err != nil {
			return err
		}
	}
	for _, seed := range p.Seeded {
		if err := p.seed(seed); err != nil {
			return err
		}
	}
	for path, text := range p.Files {
		if err := errors.Join(os.MkdirAll(filepath.Dir(at(path)), 0o755), os.WriteFile(at(path), []byte(text), 0o444)); err != nil {
			return err
		}
	}
	return p.enter()
}

// show makes a directory visible at a path, without what is mounted below it. Nothing
// on it is a device, and nothing gives anybody rights.
func (p plan) show(from, path string, flags uintptr) error {
	target := filepath.Join(p.Root, path)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(from, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	// What the machine's own mount forbids, in a namespace of users nobody may allow.
	var stat unix.Statfs_t
	if err := unix.Statfs(target, &stat); err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	const kept = unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC | unix.ST_NOATIME | unix.ST_NODIRATIME | unix.ST_RELATIME
	flags |= uintptr(stat.Flags)&kept | unix.MS_BIND | unix.MS_REMOUNT | unix.MS_NOSUID | unix.MS_NODEV
	if err := unix.Mount("", target, "", flags, ""); err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	return nil
}

// seed lays what programs write over what the directory begins with.
func (p plan) seed(s Seed) error {
	dir := filepath.Dir(s.Dir)
	options := "lowerdir=" + escaped(s.From) + ",upperdir=" + escaped(filepath.Join(dir, written)) + ",workdir=" + escaped(filepath.Join(dir, scratch))
	if p.User == 0 {
		options += ",userxattr"
	}
	target := filepath.Join(p.Root, s.Dir)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	// Some file systems and some kernels cannot: then it begins empty.
	if s.From == "" || unix.Mount("overlay", target, "overlay", unix.MS_NOSUID|unix.MS_NODEV, options) != nil {
		return p.show(filepath.Join(dir, written), s.Dir, 0)
	}
	return nil
}

// escaped is a path among the options of an overlay, which separate by commas and
// colons.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, ":", `\:`).Replace(path)
}

// enter makes what was put together the root, and lets go of the machine's.
func (p plan) enter() error {
	if err := os.Chdir(p.Root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil { // the new one on top of the old one
		return fmt.Errorf("change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("make the root read-only: %w", err)
	}
	return nil
}

// confine gives up every right, for good.
func (p plan) confine() error {
	if err := unix.Sethostname([]byte("sandbox")); err != nil {
		return fmt.Errorf("name of the host: %w", err)
	}
	// When memory is short, this is what the machine can do without.
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil {
		return err
	}
	limits := map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 4 << 30}
	if p.User != 0 {
		// Of this user alone, who does nothing else. A compiler starts some threads for
		// each processor, and runs once for each.
		limits[unix.RLIMIT_NPROC] = 2048 + 512*uint64(runtime.NumCPU())
	}
	for what, most := range limits {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("limit %d: %w", what, err)
		}
	}
	// The caller's session may hold keys. Where there are none, or nobody may ask for
	// them, there is nothing to hide.
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	if err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("session of keys: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	for c := uintptr(0); ; c++ { // as many as the kernel knows
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break
		}
		if err != nil {
			return fmt.Errorf("give up capability %d: %w", c, err)
		}
	}
	if p.User != 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(p.User, p.User, p.User), syscall.Setresuid(p.User, p.User, p.User)); err != nil {
			return fmt.Errorf("change the user: %w", err)
		}
	}
	header, none := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	syscall.Umask(0o022)
	return nil
}
