package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/shirou/gopsutil/v3/disk"
	"golang.org/x/sys/unix"
)

// ErrNotVisible reports a mount whose path leads to another mount: a later
// one masks it, it is in another mount namespace, or the host's root was
// given to this process without the mounts below it.
var ErrNotVisible = errors.New("not visible here: the path leads to another mount")

// errImpossible reports figures that contradict each other.
var errImpossible = errors.New("the file system says that more than all of it is used or free")

// identity is which mount a path leads to.
type identity struct {
	// id is the mount's number in this process's namespace; hasID is false
	// before Linux 5.8.
	id    uint64
	hasID bool
	// device is what stat says. On btrfs it is not that of mountinfo.
	device    string
	directory bool
}

// identify asks the kernel which mount a path leads to. It does not ask the
// file system: one that hangs is not waited for, and nothing is mounted by it.
func identify(path string) (identity, error) {
	const flags = unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT | unix.AT_STATX_DONT_SYNC
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, flags, unix.STATX_TYPE|unix.STATX_MNT_ID, &st)
	if err == nil {
		return identity{
			id: st.Mnt_id, hasID: st.Mask&unix.STATX_MNT_ID != 0,
			device:    fmt.Sprintf("%d:%d", st.Dev_major, st.Dev_minor),
			directory: st.Mode&unix.S_IFMT == unix.S_IFDIR,
		}, nil
	}
	// Before 4.11, and where a sandbox forbids the call.
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return identity{}, err
	}
	var old unix.Stat_t
	if err := unix.Lstat(path, &old); err != nil {
		return identity{}, err
	}
	return identity{
		device:    fmt.Sprintf("%d:%d", unix.Major(old.Dev), unix.Minor(old.Dev)),
		directory: old.Mode&unix.S_IFMT == unix.S_IFDIR,
	}, nil
}

// sees says whether a path that was identified leads to the wanted mount of
// the host. Mounts are this process's own, by their numbers.
func (i identity) sees(want mount, own map[uint64]mount) bool {
	if i.hasID && own != nil {
		m, ok := own[i.id]
		return ok && m.device == want.device && m.root == want.root && m.fstype == want.fstype
	}
	return want.fstype == "btrfs" || i.device == want.device
}

// errSecondary reports a further mount of a file system that is no
// directory, such as a container's /etc/hosts: it is not shown.
var errSecondary = errors.New("not a directory")

// measureMount returns how full the file system at path is, once it is
// certain that the path leads to that mount. It may block for ever.
func measureMount(ctx context.Context, path string, want chosenMount, own map[uint64]mount) (*disk.UsageStat, error) {
	at, err := identify(path)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%w: %w", ErrNotVisible, err)
	case err != nil:
		return nil, fmt.Errorf("statx: %w", err)
	case !at.sees(want.mount, own):
		return nil, ErrNotVisible
	case !want.counted && !at.directory:
		return nil, errSecondary
	}
	usage, err := usage(ctx, path, want.fstype)
	if err != nil {
		return nil, fmt.Errorf("statfs: %w", err)
	}
	// The mount may have changed while it was asked.
	if after, err := identify(path); err != nil || after != at {
		return nil, ErrNotVisible
	}
	return usage, nil
}

func usage(ctx context.Context, path, fstype string) (*disk.UsageStat, error) {
	u, err := disk.UsageWithContext(ctx, path)
	for try := 0; errors.Is(err, unix.EINTR) && try < 3; try++ {
		u, err = disk.UsageWithContext(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(fstype, "fuse") {
		// The library takes blocks for the size in which one best reads,
		// which FUSE servers may choose apart from the size of a block.
		var st unix.Statfs_t
		if err := unix.Statfs(path, &st); err != nil {
			return nil, err
		}
		if block := uint64(st.Frsize); block > 0 {
			u.Total, u.Free, u.Used = st.Blocks*block, st.Bavail*block, (st.Blocks-st.Bfree)*block
		}
	}
	if u.Used > u.Total || u.Free > u.Total {
		return nil, errImpossible
	}
	return u, nil
}
