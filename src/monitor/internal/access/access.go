// Package access decides who may ask the service, and over which connection:
// TLS, users and headers by a file in the format of Prometheus' exporters,
// bearer tokens by another. Both are read again when they change.
package access

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// every is how often the files are looked at.
const every = 10 * time.Second

// Files are where the settings are; an empty path means none.
type Files struct {
	// Web is a file in exporter-toolkit's format.
	Web string
	// Tokens holds bearer tokens, one on a line.
	Tokens string
}

// Access is what the files say. Its methods may be called by many at once.
type Access struct {
	files   Files
	log     *slog.Logger
	current atomic.Pointer[settings]
	tried   digest // of the files at the last attempt; Run alone has it
	pace    *pace

	failures  atomic.Uint64
	failing   atomic.Bool
	succeeded atomic.Int64 // when, in Unix nanoseconds
}

// New reads the files. It names every problem of both, with the flag of each.
func New(files Files, log *slog.Logger) (*Access, error) {
	a := &Access{files: files, log: log, pace: newPace()}
	l := load(files, nil)
	if l.err != nil {
		return nil, l.err
	}
	a.tried = l.digest
	a.use(l.settings)
	return a, nil
}

// use makes settings those that count from now on.
func (a *Access) use(s *settings) {
	var known *passwords
	if old := a.current.Load(); old != nil {
		known = old.passwords
	}
	s.passwords = newPasswords(s.users, known, a.pace)
	a.current.Store(s)
	a.succeeded.Store(time.Now().UnixNano())
	a.failing.Store(false)
}

// TLS returns the configuration of a server whose every handshake follows the
// files as they are then; nil means without TLS.
func (a *Access) TLS() *tls.Config {
	if a.current.Load().tls == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return a.current.Load().tls, nil },
	}
}

// Admit returns 0 for a request that may be answered, else the status of the
// refusal and what to do. It sets the headers that go with the answer. It can
// block for seconds while wrong passwords are tried.
func (a *Access) Admit(h http.Header, r *http.Request) (status int, detail string) {
	s := a.current.Load()
	for name, value := range s.headers {
		h.Set(name, value)
	}
	if s.limiter != nil && !s.limiter.Allow() {
		h.Set("Retry-After", "1")
		return http.StatusTooManyRequests, "more requests come than rate_limit of the web configuration allows"
	}
	if s.certificate && (r.TLS == nil || len(r.TLS.PeerCertificates) == 0) {
		return http.StatusForbidden, "give a client certificate"
	}
	ok, err := s.knows(r)
	switch {
	case errors.Is(err, errBusy):
		h.Set("Retry-After", "2")
		return http.StatusServiceUnavailable, "too many passwords wait to be checked"
	case ok:
		return 0, ""
	}
	var ways []string
	if len(s.users) > 0 {
		h.Add("WWW-Authenticate", `Basic realm="monitor", charset="UTF-8"`)
		ways = append(ways, "a user and password")
	}
	if s.tokens != nil {
		h.Add("WWW-Authenticate", `Bearer realm="monitor"`)
		ways = append(ways, "a bearer token")
	}
	return http.StatusUnauthorized, "give " + strings.Join(ways, " or ")
}

// knows says whether the request names somebody who may ask.
func (s *settings) knows(r *http.Request) (bool, error) {
	if len(s.users) == 0 && s.tokens == nil {
		return true, nil
	}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if s.tokens != nil && strings.EqualFold(scheme, "Bearer") {
		return s.tokens.have(strings.TrimSpace(rest)), nil
	}
	if user, password, ok := r.BasicAuth(); ok && len(s.users) > 0 {
		return s.passwords.right(user, password)
	}
	return false, nil
}

// summary is what the log says of the settings.
func (a *Access) summary() []slog.Attr {
	s := a.current.Load()
	attrs := []slog.Attr{slog.Bool("tls", s.tls != nil), slog.Int("users", len(s.users)), slog.Int("tokens", s.tokens.count())}
	if !s.expires.IsZero() {
		attrs = append(attrs, slog.Time("certificate_expires", s.expires))
	}
	return attrs
}
