package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// place is a repository of a registry, and how to reach it.
type place struct {
	repo    name.Repository
	options []remote.Option
}

func (p place) with(ctx context.Context) []remote.Option {
	return append(slices.Clone(p.options), remote.WithContext(ctx))
}

// places opens the repository of each image. It sends no request.
func (f publishFlags) places(names []string) (map[string]place, error) {
	var opts []name.Option
	if f.plainHTTP {
		opts = append(opts, name.Insecure)
	}
	all := map[string]place{}
	for _, n := range names {
		repo, err := name.NewRepository(f.registry+"/"+f.prefix+"/"+n, append(opts, name.StrictValidation)...)
		if err != nil {
			return nil, usageError{fmt.Errorf("--registry %q: %w", f.registry, err)}
		}
		who := remote.WithAuthFromKeychain(authn.DefaultKeychain)
		if f.auth != "" {
			found, err := credential(f.auth, repo.RegistryStr())
			if err != nil {
				return nil, err
			}
			who = remote.WithAuth(found)
		}
		base := []remote.Option{remote.WithUserAgent("ballast-release"), who}
		// A pusher and a puller that are kept ask only once how to log in.
		pusher, err := remote.NewPusher(base...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", repo, err)
		}
		puller, err := remote.NewPuller(base...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", repo, err)
		}
		all[n] = place{repo: repo, options: append(base, remote.Reuse(pusher), remote.Reuse(puller))}
	}
	return all, nil
}

// credential is that of one registry, of a file like Docker's config.json.
func credential(file, registry string) (authn.Authenticator, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("--auth: %w", err)}
	}
	defer f.Close() //nolint:errcheck // It was only read.
	c, err := config.LoadFromReader(f)
	if err != nil {
		return nil, usageError{fmt.Errorf("--auth %s: want a file like Docker's config.json: %w", file, err)}
	}
	found, err := c.GetAuthConfig(registry)
	if err != nil {
		return nil, usageError{fmt.Errorf("--auth %s: %w", file, err)}
	}
	who := authn.AuthConfig{
		Username: found.Username, Password: found.Password, Auth: found.Auth,
		IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
	}
	if who == (authn.AuthConfig{}) {
		return nil, usageError{fmt.Errorf("--auth %s has no credential for %s", file, registry)}
	}
	return authn.FromConfig(who), nil
}

// outcome makes an error of this program of a registry's.
func outcome(at string, err error) error {
	var answer *transport.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case !errors.As(err, &answer):
		return fmt.Errorf("%w: %s: %w", errUnavailable, at, err)
	}
	said := strings.Join(strings.Fields(answer.Error()), " ")
	if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
		return fmt.Errorf("%w: %s refused the request: %s; log in again (in Azure: `az acr login`), with an account that may push", errUnavailable, at, said)
	}
	return fmt.Errorf("%w: %s: %s", errUnavailable, at, said)
}

// missing is true for the answer 404.
func missing(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
