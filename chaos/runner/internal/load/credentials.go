package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// renewal is how often the token file is read again: soon after the kubelet has
	// written a new token, and long before the old one expires.
	renewal = 10 * time.Second
	// maxCredentials bounds what is read of a file, in bytes.
	maxCredentials = 1 << 20
)

// Credentials are the bearer token of requests and the CAs that they trust. They are read
// from files, so that no secret is in arguments or environment variables. The nil value
// sends no token and trusts this machine's CAs.
type Credentials struct {
	file  string
	token atomic.Pointer[string] // never nil with a file
	roots *x509.CertPool         // nil: the machine's
}

// ReadCredentials reads a bearer token, the first line of tokenFile that is neither empty
// nor begins with #, and the certificates of the CAs to trust, as PEM. Either path may be
// empty; without both it returns nil. The error names all problems and no secret.
func ReadCredentials(tokenFile, authorities string) (*Credentials, error) {
	if tokenFile == "" && authorities == "" {
		return nil, nil //nolint:nilnil // credentials are optional
	}
	c := &Credentials{file: tokenFile}
	var errs []error
	if tokenFile != "" {
		errs = append(errs, c.renew())
	}
	if authorities != "" {
		text, err := readFile(authorities)
		c.roots = x509.NewCertPool()
		if err == nil && !c.roots.AppendCertsFromPEM(text) {
			err = fmt.Errorf("%s: the file has no certificate; give the certificates of the CAs as PEM", authorities)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxCredentials+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > maxCredentials {
		return nil, fmt.Errorf("%s: the file is larger than %d bytes; give a file with only a token or CA certificates", path, maxCredentials)
	}
	return text, nil
}

// renew reads the token again. If that fails, the previous token stays in use.
func (c *Credentials) renew() error {
	text, err := readFile(c.file)
	if err != nil {
		return err
	}
	token, err := parseToken(text)
	if err != nil {
		return fmt.Errorf("%s: %w", c.file, err)
	}
	c.token.Store(&token)
	return nil
}

func parseToken(text []byte) (string, error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxCredentials+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#':
		case strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }):
			return "", fmt.Errorf("line %d: a token may only have visible ASCII characters; remove spaces and other characters", n)
		default:
			return line, nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", errors.New("the file has no token; write it in the first line")
}

// header returns the headers of a request, or nil without a token. The caller may change it.
func (c *Credentials) header() http.Header {
	if c == nil || c.file == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + *c.token.Load()}}
}

// tls returns a configuration that trusts the CAs.
func (c *Credentials) tls() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c != nil {
		config.RootCAs = c.roots
	}
	return config
}

// keep renews the token until ctx ends.
func (c *Credentials) keep(ctx context.Context, log *slog.Logger) {
	if c == nil || c.file == "" {
		return
	}
	ticker := time.NewTicker(renewal)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := c.renew()
		if err != nil && !failing {
			log.Warn("the token cannot be read again; the previous one stays in use", "error", err)
		}
		failing = err != nil
	}
}

// check returns what is wrong with the credentials for a URL of that scheme, with or without
// a user.
func (c *Credentials) check(scheme string, user bool) error {
	if c == nil {
		return nil
	}
	var errs []error
	if c.file != "" && user {
		errs = append(errs, errors.New("both a token and a user in the URL are given; remove one of them"))
	}
	if c.roots != nil && scheme == "http" {
		errs = append(errs, errors.New("CA certificates have no effect over http; give an https URL, or remove them"))
	}
	return errors.Join(errs...)
}
