package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// toolchain is the machine's Go, its caches, and where its modules come from.
type toolchain struct {
	GOROOT, GOCACHE, GOMODCACHE                       string
	GOPROXY, GOSUMDB, GONOSUMDB, GONOPROXY, GOPRIVATE string
	GOTOOLCHAIN                                       string
}

// findToolchain asks Go outside of any checkout: what was pushed has no say in it.
func findToolchain(ctx context.Context) (toolchain, error) {
	var t toolchain
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOROOT", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOTOOLCHAIN")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		return t, fmt.Errorf("go env: %w", err)
	}
	if err := json.Unmarshal(out, &t); err != nil {
		return t, fmt.Errorf("go env: %w", err)
	}
	if !filepath.IsAbs(t.GOROOT) || !filepath.IsAbs(t.GOMODCACHE) {
		return t, fmt.Errorf("go env: GOROOT is %q and GOMODCACHE %q, want absolute paths", t.GOROOT, t.GOMODCACHE)
	}
	return t, nil
}

// program is the command go.
func (t toolchain) program() string { return filepath.Join(t.GOROOT, "bin", "go") }

// downloads are the modules as they were downloaded, in the layout of a proxy.
func (t toolchain) downloads() string { return filepath.Join(t.GOMODCACHE, "cache", "download") }

// proxies is a GOPROXY that asks the machine's own downloads first. A proxy that takes
// a password is left out, as a build could read the password. So is "direct", which
// would run git against addresses that the push chooses.
func (t toolchain) proxies() string {
	all := []string{"file://" + t.downloads()}
	for _, proxy := range strings.FieldsFunc(t.GOPROXY, func(r rune) bool { return r == ',' || r == '|' }) {
		if proxy != "direct" && proxy != "off" && !hasPassword(proxy) {
			all = append(all, proxy)
		}
	}
	return strings.Join(append(all, "off"), ",")
}

// hasPassword says whether an address may have one in it, with a scheme or without.
func hasPassword(address string) bool { return strings.Contains(address, "@") }

// environment is what every command of the toolchain gets: nothing of the builder's
// own. modules and cache are the caches that it uses; home and tmp are its own. offline
// or online has to be added; no variable may be there twice.
func (t toolchain) environment(modules, cache, home, tmp string) []string {
	return []string{
		"PATH=" + filepath.Join(t.GOROOT, "bin"), "HOME=" + home, "TMPDIR=" + tmp, "LC_ALL=C.UTF-8",
		"GOROOT=" + t.GOROOT, "GOCACHE=" + cache, "GOMODCACHE=" + modules, "GOPATH=" + filepath.Join(home, "go"),
		"GOENV=off", "GOWORK=off", "GOTELEMETRY=off", "GOFLAGS=-mod=readonly -modcacherw -buildvcs=false", "GOTOOLCHAIN=" + t.GOTOOLCHAIN,
		"CGO_ENABLED=0",
	}
}

// offline is for a command that finds all modules where they are.
func (toolchain) offline() []string { return []string{"GOPROXY=off"} }

// online is for a command that may fetch modules.
func (t toolchain) online() []string {
	env := []string{
		"GOPROXY=" + t.proxies(), "GOSUMDB=" + t.GOSUMDB, "GONOSUMDB=" + t.GONOSUMDB, "GONOPROXY=" + t.GONOPROXY, "GOPRIVATE=" + t.GOPRIVATE,
		"SSL_CERT_FILE=" + certificates,
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value := os.Getenv(name); value != "" && (strings.EqualFold(name, "NO_PROXY") || !hasPassword(value)) {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// certificates is where a command that is online finds the authorities to trust.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// trusted are the machine's certificates of authorities, wherever it keeps them.
func trusted() (string, error) {
	for _, path := range []string{
		os.Getenv("SSL_CERT_FILE"), certificates, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	} {
		if text, err := os.ReadFile(path); err == nil {
			return string(text), nil
		}
	}
	return "", errors.New("no certificates of authorities are found; SSL_CERT_FILE names them")
}
