package attest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A registry without the referrers API has one index per image, under a tag, that every
// attacher reads, extends and writes: of those who do so at once, the last one wins and
// the entries of the others are lost. Each artifact therefore has a tag of its own, too.
// Whoever attaches reads the index after writing it and adds whatever tag is not in it.
// The last of all writers has read the tags after its write, and every tag was written
// before its attacher's first look at the index; so nothing is missing from the last index.

// settleTimeout bounds how long an attacher goes on adding what is missing.
const settleTimeout = 2 * time.Minute

// ownTag is a tag that is made of the image's digest, so that all of an image are found,
// and of the artifact's, so that no two write the same.
func ownTag(subject, artifact v1.Hash) string {
	const enough = 24 // hexadecimal digits; a tag has 128 characters at most
	return tagsOf(subject) + artifact.Hex[:enough]
}

func tagsOf(subject v1.Hash) string { return fallbackTag(subject) + ".verdict-" }

// fallbackTag is the tag of the index where there is no referrers API, by the OCI's
// distribution specification.
func fallbackTag(subject v1.Hash) string { return subject.Algorithm + "-" + subject.Hex }

// settle returns when everything that is tagged is listed, too.
func (r Repository) settle(ctx context.Context, subject v1.Hash) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		// The tags are read after the index: what was tagged by then is what has to be in it.
		index, native, err := r.listed(ctx, subject)
		if err != nil {
			return err
		}
		missing, err := r.unlisted(ctx, subject, index)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			return nil
		}
		if !native {
			index.Manifests = append(index.Manifests, missing...)
			if err := remote.Put(r.name.Tag(fallbackTag(subject)), indexManifest{*index}, r.with(ctx)...); err != nil {
				return outcome(err)
			}
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // Attachers that collide must only not do so again.
		case <-ctx.Done():
			return fmt.Errorf("%w: %d verdicts are missing from the list of the image: %w", ErrNotListed, len(missing), ctx.Err())
		}
	}
}

// listed reads the list of what refers to an image, and whether the registry keeps it by
// itself. Nothing attached is an empty list.
func (r Repository) listed(ctx context.Context, subject v1.Hash) (index *v1.IndexManifest, native bool, err error) {
	of := r.name.Digest(subject.String())
	list, err := remote.Referrers(of, r.with(ctx, remote.Reuse(r.api))...)
	native = err == nil
	if err != nil {
		// Without the API that is an error of the library itself; one of the registry or
		// of the network comes again.
		if list, err = remote.Referrers(of, r.with(ctx)...); err != nil {
			return nil, false, outcome(err)
		}
	}
	manifest, err := list.IndexManifest()
	if err != nil {
		return nil, false, fmt.Errorf("%w: its list of what refers to %s: %w", ErrUnreachable, subject, err)
	}
	copied := manifest.DeepCopy()
	copied.SchemaVersion, copied.MediaType = 2, types.OCIImageIndex
	return copied, native, nil
}

// unlisted reads which verdicts of an image have a tag of their own and are not in its
// list.
func (r Repository) unlisted(ctx context.Context, subject v1.Hash, index *v1.IndexManifest) ([]v1.Descriptor, error) {
	tags, err := remote.List(r.name, r.with(ctx)...)
	if err != nil {
		if err = outcome(err); errors.Is(err, ErrNoImage) {
			return nil, nil
		}
		return nil, err
	}
	known := map[string]bool{}
	for _, d := range index.Manifests {
		known[ownTag(subject, d.Digest)] = true
	}
	var out []v1.Descriptor
	for _, tag := range tags {
		if known[tag] || !strings.HasPrefix(tag, tagsOf(subject)) {
			continue
		}
		d, err := remote.Get(r.name.Tag(tag), r.with(ctx)...)
		if err != nil {
			if err = outcome(err); errors.Is(err, ErrNoImage) {
				continue // removed since
			}
			return nil, err
		}
		out = append(out, describe(d))
	}
	return out, nil
}

// describe is the entry of an artifact in the list of its image.
func describe(d *remote.Descriptor) v1.Descriptor {
	out := v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest, ArtifactType: ArtifactType}
	if img, err := d.Image(); err == nil {
		if m, err := img.Manifest(); err == nil {
			out.Annotations = m.Annotations
		}
	}
	return out
}

// indexManifest is an index of which only the manifest is written: its children are there.
type indexManifest struct{ v1.IndexManifest }

func (i indexManifest) RawManifest() ([]byte, error) { return json.Marshal(i.IndexManifest) }

func (i indexManifest) MediaType() (types.MediaType, error) { return types.OCIImageIndex, nil }
