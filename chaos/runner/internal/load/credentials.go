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
	// renewal is how often the token is read again: as soon as the kubelet has brought
	// a new one, long before a server forgets the old one.
	renewal = 10 * time.Second
	// maxCredentials bounds what is read of a file, in bytes.
	maxCredentials = 1 << 20
)

// Credentials are what requests carry to be let in, and whose word is taken for it that
// a server is who it says. They come from files, so that no argument and no variable
// holds a secret. The nil value carries nothing and trusts whom this machine trusts.
type Credentials struct {
	file  string
	token atomic.Pointer[string] // never nil with a file
	roots *x509.CertPool         // nil: the machine's
}

// ReadCredentials reads a file with a bearer token, the first line of it that is neither
// empty nor begins with #, and one with the certificates of the authorities to trust, as
// PEM. Either path may be empty; without both there are no credentials, which is nil. It
// reports everything that is wrong, and shows no secret.
func ReadCredentials(tokenFile, authorities string) (*Credentials, error) {
	if tokenFile == "" && authorities == "" {
		return nil, nil //nolint:nilnil // no credentials are no failure
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
			err = fmt.Errorf("%s: no certificate is in it; want those of the authorities, as PEM", authorities)
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
		return nil, fmt.Errorf("%s: it is larger than %d bytes, as no credentials are", path, maxCredentials)
	}
	return text, nil
}

// renew reads the token again. When that fails the one before stays.
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
			return "", fmt.Errorf("line %d: a token has letters, digits and signs of ASCII only, and no space", n)
		default:
			return line, nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", errors.New("no token is in it; write it into the first line")
}

// header returns what a request carries; nil for nothing. The caller may keep it.
func (c *Credentials) header() http.Header {
	if c == nil || c.file == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + *c.token.Load()}}
}

// tls says whom to trust.
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
			log.Warn("the token cannot be read again; the one before is sent on", "error", err)
		}
		failing = err != nil
	}
}

// check returns what is wrong with them for a URL of that scheme, with or without a user.
func (c *Credentials) check(scheme string, user bool) error {
	if c == nil {
		return nil
	}
	var errs []error
	if c.file != "" && user {
		errs = append(errs, errors.New("a token is given, and a user in the URL; leave one of them out"))
	}
	if c.roots != nil && scheme == "http" {
		errs = append(errs, errors.New("authorities are given, and over http nobody shows a certificate; give an https URL, or no authorities"))
	}
	return errors.Join(errs...)
}
