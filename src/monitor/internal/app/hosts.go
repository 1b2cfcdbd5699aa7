package app

import (
	"io"
	"os"

	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
)

// hosts returns the names that requests may have as Host: those allowed and
// the machine's own, as far as they can be told.
func (c *config) hosts() (*httpapi.Hosts, error) {
	// Without a hostname there is no own name; that is no reason to fail.
	hostname, _ := os.Hostname()
	own := httpapi.OwnNames(hostname, start("/etc/hosts"), start("/etc/resolv.conf"))
	return httpapi.NewHosts(append(own, c.AllowedHosts...)...)
}

// start returns the first 64 KiB of a file; nothing where it cannot be read.
func start(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return ""
	}
	return string(content)
}
