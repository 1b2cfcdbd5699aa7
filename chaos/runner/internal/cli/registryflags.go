package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
)

// registryFlags say how a registry is reached.
type registryFlags struct{ access attest.Access }

func (r *registryFlags) register(f *pflag.FlagSet) {
	f.StringVar(&r.access.Auth, "auth", "", "file like Docker's config.json with the credential; without it nobody is named, and Docker's own is not used")
	f.BoolVar(&r.access.PlainHTTP, "plain-http", false, "speak to the registry without TLS")
}

// image splits REGISTRY/NAME@sha256:… and opens its repository.
func (r *registryFlags) image(flag, image string) (attest.Repository, string, error) {
	repository, digest, ok := strings.Cut(image, "@")
	if !ok || !attest.IsDigest(digest) {
		return attest.Repository{}, "", usageError{fmt.Errorf("--%s %q: want REGISTRY/NAME@sha256:…, as a tag may move to another image", flag, image)}
	}
	repo, err := attest.Open(repository, r.access)
	if err != nil {
		return attest.Repository{}, "", usageError{fmt.Errorf("--%s %q: %w", flag, image, err)}
	}
	return repo, digest, nil
}

// unavailable tells apart what a registry answered: an image that is not there is a
// mistake of the input, all else is the registry's.
func unavailable(err error) bool {
	for _, down := range []error{attest.ErrUnreachable, attest.ErrRefused, attest.ErrNotListed} {
		if errors.Is(err, down) {
			return true
		}
	}
	return false
}
