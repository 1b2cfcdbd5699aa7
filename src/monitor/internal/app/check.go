package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
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
	return errors.Join(c.endpoint().check(ctx), err, (&addressFile{path: c.AddressFile}).inspect(), c.checkDirectories())
}

// checkDirectories returns every problem with directories together.
func (c *config) checkDirectories() error {
	var errs []error
	const mounted, of = "name the directory where it is mounted", "name the directory with the files *.prom"
	for _, d := range [][3]string{
		{"--host-proc", c.HostProc, mounted}, {"--host-sys", c.HostSys, mounted}, {"--host-root", c.HostRoot, mounted}, {"--textfile-dir", c.TextfileDir, of},
	} {
		if d[1] == "" {
			continue
		}
		found := make(chan error, 1)
		go func() { found <- isDirectory(d[1]) }()
		select {
		case err := <-found:
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w; %s", d[0], err, d[2]))
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
		return fmt.Errorf("%s is not a directory", path)
	}
	return nil
}
