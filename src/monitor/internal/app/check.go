package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/access"
)

// lookTime is how long a directory or a name server may take to answer at
// start. A directory that hangs is left to the collectors, whose every read
// has a deadline.
const lookTime = time.Second

// checkHere returns every problem that this machine shows with the values. It
// changes nothing.
func (c *config) checkHere(ctx context.Context) error {
	_, err := access.New(c.Access, slog.New(slog.DiscardHandler))
	return errors.Join(c.checkAddress(ctx), err, (&addressFile{path: c.AddressFile}).inspect(), c.checkDirectories())
}

// checkAddress tries the address with any free port: whether the wanted one is
// free is nobody's mistake, and would change until it is listened on.
func (c *config) checkAddress(ctx context.Context) error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || host == "" {
		return nil // check says so, or it is every address
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
		return fmt.Errorf("--listen %q: %w; name an address of this machine", c.Listen, err)
	}
	return nil // as when a name server is away; listening will tell
}

// checkDirectories returns every problem with the host's directories together.
func (c *config) checkDirectories() error {
	var errs []error
	for _, d := range [][2]string{{"--host-proc", c.HostProc}, {"--host-sys", c.HostSys}, {"--host-root", c.HostRoot}} {
		if d[1] == "" {
			continue
		}
		found := make(chan error, 1)
		go func() { found <- isDirectory(d[1]) }()
		select {
		case err := <-found:
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w; name the directory where it is mounted", d[0], err))
			}
		case <-time.After(lookTime):
		}
	}
	return errors.Join(errs...)
}

func isDirectory(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no directory", path)
	}
	return nil
}
