package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

const (
	unixScheme    = "unix:"
	systemdScheme = "systemd:"
	// maxSocketPath is how long the path of a socket may be, in bytes.
	maxSocketPath = 107
)

// endpoint is where to listen: HOST:PORT, unix:PATH, or systemd:, which is the
// socket that systemd passed.
type endpoint string

func (c *config) endpoint() endpoint { return endpoint(c.Listen) }

// path returns that of a socket.
func (e endpoint) path() (path string, ok bool) { return strings.CutPrefix(string(e), unixScheme) }

func (e endpoint) isSystemd() bool { return strings.HasPrefix(string(e), systemdScheme) }

// valid says what is wrong with the text alone.
func (e endpoint) valid() error {
	if path, ok := e.path(); ok {
		switch {
		case !filepath.IsAbs(path):
			return errors.New("name the path of the socket from / on")
		case len(path) > maxSocketPath:
			return fmt.Errorf("the path has %d bytes; at most %d", len(path), maxSocketPath)
		}
		return nil
	}
	if e.isSystemd() {
		if e != systemdScheme {
			return errors.New("write systemd: and nothing behind it; systemd passes one socket")
		}
		return nil
	}
	_, port, err := net.SplitHostPort(string(e))
	if err != nil {
		return fmt.Errorf("%w; write HOST:PORT, systemd: or unix:PATH", err)
	}
	if n, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", port); err != nil || n > math.MaxUint16 {
		return fmt.Errorf("port %q does not exist; write a number from 0 to 65535", port)
	}
	return nil
}

// check returns what this machine shows to be wrong. Whether a port or socket
// is free is nobody's mistake, and would change until it is listened on.
func (e endpoint) check(ctx context.Context) error {
	var err error
	if path, ok := e.path(); ok {
		err = checkSocket(path)
	} else if !e.isSystemd() {
		err = e.checkAddress(ctx)
	}
	if err != nil {
		return fmt.Errorf("--listen %q: %w", string(e), err)
	}
	return nil
}

func checkSocket(path string) error {
	if !filepath.IsAbs(path) {
		return nil // valid says so
	}
	if err := isDirectory(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%w; name a socket in a directory that exists", err)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is not a socket; choose another path", path)
	}
	return nil
}

// checkAddress tries the address with any free port.
func (e endpoint) checkAddress(ctx context.Context) error {
	host, _, err := net.SplitHostPort(string(e))
	if err != nil || host == "" {
		return nil // valid says so, or it is every address
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err == nil {
		return ln.Close()
	}
	var (
		lookup *net.DNSError
		form   *net.AddrError
	)
	if errors.As(err, &lookup) && lookup.IsNotFound || errors.As(err, &form) ||
		errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("%w; name an address of this machine", err)
	}
	return nil // as when a name server is away; listening will tell
}

// listen returns a listener and where it is, as --listen would have it.
func (e endpoint) listen(ctx context.Context) (net.Listener, string, error) {
	if path, ok := e.path(); ok {
		ln, err := listenUnix(ctx, path)
		return ln, string(e), err
	}
	if e.isSystemd() {
		return listenSystemd()
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", string(e))
	switch {
	case err == nil:
		return ln, ln.Addr().String(), nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, "", fmt.Errorf("listen on %s: the port is taken; choose another with --listen, or port 0 for any: %w", e, err)
	case errors.Is(err, syscall.EACCES):
		return nil, "", fmt.Errorf("listen on %s: not allowed; ports below 1024 need a privilege: %w", e, err)
	default:
		return nil, "", fmt.Errorf("listen: %w", err)
	}
}

// listenUnix makes a socket for the user and the group of this process. One
// that nobody listens on was left behind, and is replaced.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "unix", path)
	if errors.Is(err, syscall.EADDRINUSE) && isLeftBehind(ctx, path) {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("listen: remove the socket that was left behind: %w", err)
		}
		ln, err = lc.Listen(ctx, "unix", path)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: the socket is taken; choose another with --listen: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("listen: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil { //nolint:gosec // to connect is to write, and the group may
		return nil, errors.Join(fmt.Errorf("listen: %w", err), ln.Close())
	}
	return ln, nil
}

func isLeftBehind(ctx context.Context, path string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close() // nothing was sent
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// listenSystemd takes the socket that systemd passed.
func listenSystemd() (net.Listener, string, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, "", fmt.Errorf("listen: take the socket of systemd: %w", err)
	}
	if len(passed) != 1 || passed[0] == nil {
		for _, ln := range passed {
			if ln != nil {
				err = errors.Join(err, ln.Close())
			}
		}
		return nil, "", errors.Join(fmt.Errorf("%w: --listen systemd: needs one stream socket from systemd, and %d were passed; write a socket unit", errUsage, len(passed)), err)
	}
	address := passed[0].Addr()
	if address.Network() == "unix" {
		return passed[0], unixScheme + address.String(), nil
	}
	return passed[0], address.String(), nil
}
