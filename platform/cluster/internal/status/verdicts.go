package status

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Verdict is one that is attached to an image, with the words of its annotations. It is only
// shown: `ballast promote` computes verdicts again and trusts no annotation.
type Verdict struct {
	Image       string `json:"image"` // digest of the image that it is attached to
	Verdict     string `json:"verdict"`
	Environment string `json:"environment"`
	Revision    string `json:"revision"` // of the charts that the image ran with
	// Ended is when the last run of the report ended; nil where the artifact does not say.
	Ended    *time.Time `json:"ended,omitempty"`
	Artifact string     `json:"artifact"` // tag of the artifact, beside the image
}

// The annotations of an attached verdict, and the middle of its tag: before it is the digest
// of the image, behind it its own.
const (
	ofVerdict     = "dev.ballast.verdict"
	ofEnvironment = "dev.ballast.environment"
	ofRevision    = "dev.ballast.revision"
	ofEnd         = "org.opencontainers.image.created"
	tagOf         = ".verdict-"
)

// Registry holds the options for asking registries.
type Registry struct {
	Names   []name.Option
	Options []remote.Option
}

// Attached adds to each application the verdicts that are attached to its images. It returns
// what could not be read, each problem once. It blocks until ctx ends at most.
func (r Registry) Attached(ctx context.Context, all []Application) []string {
	tags := map[string][]string{} // by repository
	found := map[string][]Verdict{}
	var problems []string
	for i, a := range all {
		for _, image := range a.Images {
			verdicts, known := found[image.Reference]
			if !known {
				var err error
				if verdicts, err = r.attachedTo(ctx, image, tags); err != nil {
					problems = append(problems, err.Error())
				}
				found[image.Reference] = verdicts
			}
			all[i].Verdicts = append(all[i].Verdicts, verdicts...)
		}
		slices.SortStableFunc(all[i].Verdicts, func(a, b Verdict) int { return b.ended().Compare(a.ended()) })
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

func (v Verdict) ended() time.Time {
	if v.Ended == nil {
		return time.Time{}
	}
	return *v.Ended
}

// attachedTo reads the verdicts of one image. tags remembers those of repositories.
func (r Registry) attachedTo(ctx context.Context, image Image, tags map[string][]string) ([]Verdict, error) {
	digest, err := name.NewDigest(image.Reference, r.Names...)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", image.Reference, err)
	}
	repository := digest.Context()
	with := append(slices.Clone(r.Options), remote.WithContext(ctx))
	listed, known := tags[repository.Name()]
	if !known {
		listed, err = remote.List(repository, with...)
		tags[repository.Name()] = listed
		if err != nil && !absent(err) {
			return nil, fmt.Errorf("verdicts of %s: %w", repository, err)
		}
	}
	prefix := strings.Replace(image.Digest, ":", "-", 1) + tagOf
	var all []Verdict
	for _, tag := range listed {
		if !strings.HasPrefix(tag, prefix) {
			continue
		}
		artifact, err := remote.Image(repository.Tag(tag), with...)
		if absent(err) {
			continue // removed since
		}
		if err != nil {
			return all, fmt.Errorf("verdicts of %s: %w", repository, err)
		}
		manifest, err := artifact.Manifest()
		if err != nil {
			return all, fmt.Errorf("verdicts of %s: %s: %w", repository, tag, err)
		}
		says := manifest.Annotations
		v := Verdict{Image: image.Digest, Verdict: says[ofVerdict], Environment: says[ofEnvironment], Revision: says[ofRevision], Artifact: tag}
		if ended, err := time.Parse(time.RFC3339, says[ofEnd]); err == nil {
			v.Ended = &ended
		}
		all = append(all, v)
	}
	return all, nil
}

// absent is true for the answer 404.
func absent(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
