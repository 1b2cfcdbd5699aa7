// Package registry is the door of a cluster's registry: everybody who reaches it may
// pull, and those who have a credential may push.
//
//	pods, containerd, builder ──► Door ──► socket ──► registry
//	root, owner of the cluster ────────────►
//
// The registry itself listens on a socket in the cluster's directory alone, which no
// network leads to.
package registry

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/platform/cluster/internal/secret"
)

// Socket is the name of the registry's socket in the directory of a cluster. Who can
// open it needs no credential: the directory is its owner's alone.
const Socket = "registry.sock"

// Builder is the user that pushes the images that are built from a push to git.
const Builder = "builder"

// Verdicts is the user that attaches verdicts to images, and may do nothing else: who
// judges an image must not be able to make one.
const Verdicts = "verdicts"

// users are all that may push. One more name is one more who may, with a password of
// its own.
func users() []string { return []string{Builder, Verdicts} }

// What attaching takes: blobs, the tags of verdicts, and the one under which the
// specification of registries keeps what refers to an image.
var (
	upload  = regexp.MustCompile(`^/v2/[a-z0-9_-]+(?:[./][a-z0-9_-]+)*/blobs/uploads/[^/]*$`)
	verdict = regexp.MustCompile(`^/v2/[a-z0-9_-]+(?:[./][a-z0-9_-]+)*/manifests/sha256-[0-9a-f]{64}(?:\.verdict-[0-9a-f]{24})?$`)
)

// attaches says whether a request may be part of attaching a verdict.
func attaches(r *http.Request) bool {
	// What is escaped would be read differently here and there.
	if r.URL.RawPath != "" {
		return false
	}
	switch r.Method {
	case http.MethodPost, http.MethodPatch:
		return upload.MatchString(r.URL.Path)
	case http.MethodPut:
		return upload.MatchString(r.URL.Path) || verdict.MatchString(r.URL.Path)
	}
	return false
}

// Passwords are those of all users that may push, by their names. They are made once,
// in the directory of a cluster, a file for each.
func Passwords(dir string) (map[string]string, error) {
	passwords := map[string]string{}
	for _, user := range users() {
		password, err := secret.In(filepath.Join(dir, "registry-"+user))
		if err != nil {
			return nil, err
		}
		passwords[user] = password
	}
	return passwords, nil
}

// Through reaches the registry of a cluster by its socket, whatever host a request is
// for. Close its idle connections.
func Through(dir string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, Socket))
	}}
}

// Prefix is that of every path of the registry's protocol.
const Prefix = "/v2/"

// Door passes requests on to the registry: those that only read from everybody, all
// others from users with their password.
func Door(to http.RoundTripper, passwords map[string]string, logger *slog.Logger) http.Handler {
	registry := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			// The host stays what the client called it: the registry's answers name it.
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "registry"
			r.Out.Header.Del("Authorization") // it is the door's
		},
		Transport: to, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		user, knows := known(r, passwords)
		switch {
		case !strings.HasPrefix(r.URL.Path, Prefix):
			http.NotFound(w, r)
		case reads, knows && user != Verdicts, knows && attaches(r):
			registry.ServeHTTP(w, r)
		case knows:
			answer(w, http.StatusForbidden, "DENIED", "the user "+Verdicts+" attaches verdicts to images that are there, and pushes no image")
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="ballast"`)
			answer(w, http.StatusUnauthorized, "UNAUTHORIZED", "pulling is free, pushing takes a credential of the cluster; a push to its git repository and `make load-image` put images here")
		}
	})
}

// known is the user of a request, and whether the password is that user's.
func known(r *http.Request, passwords map[string]string) (string, bool) {
	user, given, _ := r.BasicAuth()
	password, ok := passwords[user]
	return user, ok && password != "" && subtle.ConstantTimeCompare([]byte(given), []byte(password)) == 1
}

// answer refuses in the form of the registry's protocol, of which clients show the
// message.
func answer(w http.ResponseWriter, status int, code, message string) {
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string][]problem{"errors": {{code, message}}}) // a client that is gone reads nothing
}

// Serve answers on l until ctx ends, then gives what is under way ten seconds.
func Serve(ctx context.Context, l net.Listener, handler http.Handler, logger *slog.Logger) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(ending)
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
