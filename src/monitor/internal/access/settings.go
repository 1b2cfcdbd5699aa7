package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"
)

// settings are what the files say at one time.
type settings struct {
	// tls is nil without TLS. Its certificates are in it, not read again.
	tls *tls.Config
	// certificate says that clients have to show one.
	certificate bool
	expires     time.Time
	headers     map[string]string
	limiter     *rate.Limiter
	users       map[string]string // name to bcrypt hash
	passwords   *passwords        // of the users
	tokens      *tokens           // nil without a file of them
}

// loaded is one attempt to read the files.
type loaded struct {
	settings  *settings
	digest    digest
	unchanged bool
	err       error
}

// load reads the files unless they are as they were at an earlier attempt.
func load(files Files, before *digest) loaded {
	c, err := readWeb(files.Web)
	paths := files.all(c)
	l := loaded{digest: sum(paths), settings: new(settings)}
	if before != nil && l.digest == *before {
		return loaded{digest: l.digest, unchanged: true}
	}
	var errs []error
	if err == nil && files.Web != "" {
		err = l.settings.web(files.Web, c)
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("--web-config %s: %w", files.Web, err))
	}
	if files.Tokens != "" {
		if l.settings.tokens, err = readTokens(files.Tokens); err != nil {
			errs = append(errs, fmt.Errorf("--token-file %s: %w", files.Tokens, err))
		}
	}
	if len(errs) == 0 && sum(paths) != l.digest {
		errs = append(errs, errors.New("the files of --web-config or --token-file changed while they were read"))
	}
	l.err = errors.Join(errs...)
	return l
}

// all returns the paths that settings come from.
func (f Files) all(c *web.Config) []string {
	paths := []string{f.Web}
	if c != nil {
		paths = append(paths, c.TLSConfig.TLSCertPath, c.TLSConfig.TLSKeyPath, c.TLSConfig.ClientCAs)
	}
	paths = append(paths, f.Tokens)
	named := paths[:0]
	for _, path := range paths {
		if path != "" {
			named = append(named, path)
		}
	}
	return named
}

// readWeb returns what the file says; nothing without a path.
func readWeb(path string) (*web.Config, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // without a file nothing is said
	}
	content, err := read(path)
	if err != nil {
		return nil, err
	}
	c, err := parse(content)
	if err != nil {
		return nil, err
	}
	c.TLSConfig.SetDirectory(filepath.Dir(path))
	return c, nil
}

// parse reads the format with the defaults that it has.
func parse(content []byte) (*web.Config, error) {
	c := &web.Config{
		TLSConfig:  web.TLSConfig{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13},
		HTTPConfig: web.HTTPConfig{HTTP2: true},
	}
	if err := yaml.UnmarshalStrict(content, c); err != nil {
		return nil, fmt.Errorf("read the YAML: %w", err)
	}
	if r := c.RateLimiterConfig; r.Interval < 0 || r.Burst < 0 || r.Interval > 0 && r.Burst == 0 {
		return nil, errors.New("rate_limit: interval and burst have to be more than 0")
	}
	return c, nil
}

// web takes over what a file of the toolkit's format says.
func (s *settings) web(path string, c *web.Config) error {
	// Files that hang or are no files are found before the library opens them.
	for _, file := range (Files{}).all(c) {
		if _, err := read(file); err != nil {
			return err
		}
	}
	if err := checkHashes(c); err != nil {
		return err
	}
	if err := web.Validate(path); err != nil {
		return err
	}
	s.headers = c.HTTPConfig.Header
	if r := c.RateLimiterConfig; r.Interval > 0 {
		s.limiter = rate.NewLimiter(rate.Every(r.Interval), r.Burst)
	}
	s.users = make(map[string]string, len(c.Users))
	for name, hash := range c.Users {
		s.users[name] = string(hash)
	}
	if !c.TLSConfig.IsEnabled() {
		return nil
	}
	return s.secure(c)
}

// checkHashes names every user whose hash is none.
func checkHashes(c *web.Config) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Users)) {
		if _, err := bcrypt.Cost([]byte(c.Users[name])); err != nil {
			errs = append(errs, fmt.Errorf("basic_auth_users: the value of %q is not a bcrypt hash; make one with: htpasswd -nBC 10 NAME", name))
		}
	}
	return errors.Join(errs...)
}

// secure takes over TLS.
func (s *settings) secure(c *web.Config) error {
	cfg, err := web.ConfigToTLSConfig(&c.TLSConfig)
	if err != nil {
		return err
	}
	// The library reads the files at each handshake; one that breaks later
	// must not end service.
	cert, err := cfg.GetCertificate(nil)
	if err != nil {
		return err
	}
	cfg.Certificates, cfg.GetCertificate = []tls.Certificate{*cert}, nil
	if cert.Leaf != nil {
		s.expires = cert.Leaf.NotAfter
	}
	cfg.NextProtos = []string{"http/1.1"}
	if c.HTTPConfig.HTTP2 {
		cfg.NextProtos = []string{"h2", "http/1.1"}
	}
	if err := checkAuthorities(c); err != nil {
		return err
	}
	// A handshake knows no path, and probes have no certificate: it is asked
	// for and verified there, and missed by Admit.
	switch cfg.ClientAuth {
	case tls.RequireAnyClientCert:
		cfg.ClientAuth, s.certificate = tls.RequestClientCert, true
	case tls.RequireAndVerifyClientCert:
		cfg.ClientAuth, s.certificate = tls.VerifyClientCertIfGiven, true
	default: // none has to be shown
	}
	// A resumed session would carry a certificate past a change of authorities.
	cfg.SessionTicketsDisabled = cfg.ClientAuth != tls.NoClientCert || cfg.VerifyPeerCertificate != nil
	if verify := cfg.VerifyPeerCertificate; verify != nil {
		cfg.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) error { //nolint:gosec // no session is resumed, see above
			if len(raw) == 0 {
				return nil
			}
			return verify(raw, chains)
		}
	}
	s.tls = cfg
	return nil
}

// checkAuthorities finds a file of authorities without any, with which nobody
// could connect.
func checkAuthorities(c *web.Config) error {
	pem := []byte(c.TLSConfig.ClientCAsText)
	if path := c.TLSConfig.ClientCAs; path != "" {
		var err error
		if pem, err = read(path); err != nil {
			return err
		}
	}
	if len(pem) > 0 && !x509.NewCertPool().AppendCertsFromPEM(pem) || len(pem) == 0 && c.TLSConfig.ClientCAs != "" {
		return errors.New("client_ca_file or client_ca holds no certificate in PEM")
	}
	return nil
}
