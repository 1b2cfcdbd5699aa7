package attest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// The errors of a registry.
var (
	// ErrNoImage is returned for an image that the registry does not have.
	ErrNoImage = errors.New("the image does not exist")
	// ErrRefused is returned when the registry does not let this caller in.
	ErrRefused = errors.New("the registry refuses it")
	// ErrUnreachable is returned when the registry does not answer, or answers with an
	// error of its own.
	ErrUnreachable = errors.New("the registry cannot be asked")
	// ErrNotListed is returned when what was attached is not listed in time.
	ErrNotListed = errors.New("it was pushed and is not listed")
)

// Access is how a registry is reached.
type Access struct {
	// Auth is a file as Docker's config.json. Empty: nobody is named. What this machine
	// has for Docker is never used, as a pusher of verdicts is somebody of its own.
	Auth string
	// PlainHTTP speaks without TLS, also where the address is not this machine's.
	PlainHTTP bool
}

// Repository is a place for an image and all that is attached to it.
type Repository struct {
	name    name.Repository
	options []remote.Option
	api     *remote.Puller // by the referrers API alone
}

// Open names a repository, as REGISTRY/NAME. It asks nobody.
func Open(repository string, a Access) (Repository, error) {
	opts := []name.Option{name.StrictValidation}
	if a.PlainHTTP {
		opts = append(opts, name.Insecure)
	}
	n, err := name.NewRepository(repository, opts...)
	if err != nil {
		return Repository{}, err
	}
	base := []remote.Option{remote.WithUserAgent("ballast")}
	if a.Auth != "" {
		who, err := credential(a.Auth, n.RegistryStr())
		if err != nil {
			return Repository{}, err
		}
		base = append(base, remote.WithAuth(who))
	}
	// Each asks once how to log in, and not once for each call.
	puller, err := remote.NewPuller(base...)
	if err != nil {
		return Repository{}, fmt.Errorf("%s: %w", n, err)
	}
	pusher, err := remote.NewPusher(base...)
	if err != nil {
		return Repository{}, fmt.Errorf("%s: %w", n, err)
	}
	api, err := remote.NewPuller(append(slices.Clone(base), remote.WithReferrersTagFallback(false))...)
	if err != nil {
		return Repository{}, fmt.Errorf("%s: %w", n, err)
	}
	return Repository{name: n, options: append(base, remote.Reuse(puller), remote.Reuse(pusher)), api: api}, nil
}

// credential finds that of one registry.
func credential(file, registry string) (authn.Authenticator, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open the credential: %w", err)
	}
	defer f.Close() //nolint:errcheck // Only read.
	c, err := config.LoadFromReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s is not like Docker's config.json: %w", file, err)
	}
	found, err := c.GetAuthConfig(registry)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	who := authn.AuthConfig{
		Username: found.Username, Password: found.Password, Auth: found.Auth,
		IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
	}
	if who == (authn.AuthConfig{}) {
		return nil, fmt.Errorf("%s has no credential for %s", file, registry)
	}
	return authn.FromConfig(who), nil
}

// String is REGISTRY/NAME.
func (r Repository) String() string { return r.name.Name() }

func (r Repository) with(ctx context.Context, more ...remote.Option) []remote.Option {
	return append(append(slices.Clone(r.options), remote.WithContext(ctx)), more...)
}

// subject finds an image by its digest. The error wraps ErrNoImage, ErrRefused or
// ErrUnreachable.
func (r Repository) subject(ctx context.Context, digest string) (v1.Descriptor, error) {
	d, err := remote.Head(r.name.Digest(digest), r.with(ctx)...)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("%s@%s: %w", r, digest, outcome(err))
	}
	// What a registry adds for its own sake is not part of what is referred to.
	return v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}, nil
}

// Exists is nil when the registry has the image. The error wraps ErrNoImage, ErrRefused
// or ErrUnreachable.
func (r Repository) Exists(ctx context.Context, digest string) error {
	_, err := r.subject(ctx, digest)
	return err
}

// Attach attaches a report to the image that its statement names, and returns the digest
// of the artifact. ended is when the last run ended. Attaching the same again changes
// nothing. It blocks until the registry lists the artifact, or until ctx ends. The error
// wraps ErrNoImage, ErrRefused, ErrUnreachable, ErrNotListed or ErrStatement.
func (r Repository) Attach(ctx context.Context, s Statement, verdict result.Verdict, ended time.Time, report []byte) (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	subject, err := r.subject(ctx, s.Image)
	if err != nil {
		return "", err
	}
	img, err := newArtifact(subject, s, verdict, ended, report)
	if err != nil {
		return "", err
	}
	digest, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("digest of the artifact: %w", err)
	}
	// Its own tag, which nobody else writes, comes with it: from here on it cannot be lost.
	if err := remote.Write(r.name.Tag(ownTag(subject.Digest, digest)), img, r.with(ctx)...); err != nil {
		return "", fmt.Errorf("attach to %s@%s: %w", r, subject.Digest, outcome(err))
	}
	if err := r.settle(ctx, subject.Digest); err != nil {
		return "", fmt.Errorf("attach to %s@%s: %w", r, subject.Digest, err)
	}
	return digest.String(), nil
}

// List reads all verdicts that are attached to an image, in the order of their digests.
// What is attached under our type and cannot be read is an error in unreadable, beside the
// rest. The error wraps ErrNoImage, ErrRefused or ErrUnreachable.
func (r Repository) List(ctx context.Context, digest string) (all []Attached, unreadable []error, err error) {
	subject, err := r.subject(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	listed, _, err := r.listed(ctx, subject.Digest)
	if err != nil {
		return nil, nil, fmt.Errorf("%s@%s: %w", r, digest, err)
	}
	unlisted, err := r.unlisted(ctx, subject.Digest, listed)
	if err != nil {
		return nil, nil, fmt.Errorf("%s@%s: %w", r, digest, err)
	}
	digests := []v1.Hash{}
	for _, d := range listed.Manifests {
		if d.ArtifactType == ArtifactType {
			digests = append(digests, d.Digest)
		}
	}
	for _, d := range unlisted {
		digests = append(digests, d.Digest)
	}
	slices.SortFunc(digests, func(a, b v1.Hash) int { return cmp.Compare(a.String(), b.String()) })
	for _, h := range slices.Compact(digests) {
		img, err := remote.Image(r.name.Digest(h.String()), r.with(ctx)...)
		if err != nil {
			if err := outcome(err); !errors.Is(err, ErrNoImage) {
				return nil, nil, fmt.Errorf("%s@%s: %w", r, h, err)
			}
			unreadable = append(unreadable, fmt.Errorf("%s: %w: it is listed and does not exist", h, ErrArtifact))
			continue
		}
		a, err := readArtifact(img, subject.Digest)
		switch down := outcome(err); {
		case err == nil:
			all = append(all, a)
		case errors.Is(down, ErrUnreachable), errors.Is(down, ErrRefused):
			return nil, nil, fmt.Errorf("%s@%s: %w", r, h, down)
		default:
			unreadable = append(unreadable, err)
		}
	}
	return all, unreadable, nil
}

// outcome says what an error of the registry means. What came from elsewhere is returned
// as it is.
func outcome(err error) error {
	var answer *transport.Error
	switch {
	case err == nil, errors.Is(err, ErrArtifact), errors.Is(err, context.Canceled):
		return err
	case !errors.As(err, &answer):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case answer.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: %s", ErrNoImage, brief(answer))
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: %s; give a credential that may do this", ErrRefused, brief(answer))
	}
	return fmt.Errorf("%w: %s", ErrUnreachable, brief(answer))
}

// brief is what a registry said, in one line.
func brief(answer *transport.Error) string {
	return strings.Join(strings.Fields(answer.Error()), " ")
}
