package main

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/spf13/cobra"
)

// billType is the type of bills of materials in a registry.
const billType = "application/vnd.cyclonedx+json"

// annotation is the one in which cosign keeps a signature.
const annotation = "dev.cosignproject.cosign/signature"

type publishFlags struct {
	registry, prefix, auth string
	plainHTTP, unscanned   bool
}

func newPublish(s streams, dir *string) *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use: "publish", Short: "Push the signed images by digest, and print the arguments of `ballast promote`", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.registry == "" {
				return usageError{errors.New("--registry is missing")}
			}
			r, images, err := load(*dir)
			if err != nil {
				return err
			}
			if err := r.judged(f.unscanned); err != nil {
				return err
			}
			p, err := f.prepare(*dir, r, images)
			if err != nil {
				return err
			}
			if err := p.publish(cmd.Context()); err != nil {
				return err
			}
			return f.printArgs(s, *dir, r)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.registry, "registry", "", "the registry, as HOST[:PORT]")
	flags.StringVar(&f.prefix, "prefix", "ballast", "what comes before an image's name in the registry")
	flags.StringVar(&f.auth, "auth", "", "file like Docker's config.json with the credential (default: Docker's own)")
	flags.BoolVar(&f.plainHTTP, "plain-http", false, "talk to the registry without TLS; to one on loopback that is the default")
	flags.BoolVar(&f.unscanned, "unscanned", false, "publish images that could not be scanned")
	return cmd
}

// publication is all that is pushed.
type publication struct {
	dir        string
	record     record
	images     map[string]v1.ImageIndex
	signatures map[string]signature
	places     map[string]place
	key        *ecdsa.PublicKey // that has signed
}

// prepare reads all that is pushed, so that nothing is pushed when something is missing.
func (f publishFlags) prepare(dir string, r record, images map[string]v1.ImageIndex) (publication, error) {
	p := publication{dir: dir, record: r, images: images, signatures: map[string]signature{}}
	var err error
	if p.places, err = f.places(r.names()); err != nil {
		return p, err
	}
	if p.key, err = readPublic(publicFile(dir)); err != nil {
		return p, err
	}
	for _, name := range r.names() {
		data, err := os.ReadFile(signatureFile(dir, name))
		var s signature
		if err == nil {
			err = json.Unmarshal(data, &s)
		}
		if err != nil {
			return p, fmt.Errorf("%w: %s is not signed (%w); sign first", errInvalid, name, err)
		}
		if want := payload(f.registry+"/"+f.prefix+"/"+name, r.Images[name].Digest); s.Digest != r.Images[name].Digest || string(s.Payload) != string(want) {
			return p, fmt.Errorf("%w: the signature of %s is of another image or for another registry; sign again", errInvalid, name)
		}
		if !verified(p.key, s.Payload, s.Signature) {
			return p, fmt.Errorf("%w: the signature of %s was not made with the key of %s; sign again", errInvalid, name, publicFile(dir))
		}
		p.signatures[name] = s
	}
	return p, nil
}

// publish pushes the images and what refers to them, then the signatures, and the tags of
// the revision last. An image without a signature is not promoted, so a publication that
// stops halfway has no effect.
func (p publication) publish(ctx context.Context) error {
	for _, step := range []func(context.Context, string) error{p.free, p.push, p.attach, p.endorse, p.tag} {
		for _, name := range p.record.names() {
			if err := step(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p publication) revisionTag() string { return "git-" + p.record.Revision }

// free returns an error when the revision was published with another digest.
func (p publication) free(ctx context.Context, name string) error {
	at := p.places[name]
	tag := at.repo.Tag(p.revisionTag())
	there, err := remote.Head(tag, at.with(ctx)...)
	switch {
	case err != nil && missing(err):
		return nil
	case err != nil:
		return outcome(tag.Name(), err)
	case there.Digest.String() != p.record.Images[name].Digest:
		return fmt.Errorf("%w: %s has the digest %s already, and this build made %s; the same sources give the same image, so find out what differs", errInvalid, tag, there.Digest, p.record.Images[name].Digest)
	}
	return nil
}

func (p publication) push(ctx context.Context, name string) error {
	at := p.places[name]
	ref := at.repo.Digest(p.record.Images[name].Digest)
	if err := remote.WriteIndex(ref, p.images[name], at.with(ctx)...); err != nil {
		return outcome(ref.Name(), err)
	}
	return nil
}

// attach adds the bills of materials and the provenance, as referrers.
func (p publication) attach(ctx context.Context, name string) error {
	b := p.record.Images[name]
	for arch, platform := range b.Platforms {
		text, err := readBill(p.dir, name, arch, platform)
		if err != nil {
			return err
		}
		if err := p.refer(ctx, name, platform.Digest, billType, text); err != nil {
			return err
		}
	}
	text, err := json.Marshal(p.signatures[name].Provenance)
	if err != nil {
		return err
	}
	return p.refer(ctx, name, b.Digest, envelopeType, text)
}

// refer attaches a text to an image.
func (p publication) refer(ctx context.Context, name, digest, kind string, text []byte) error {
	at := p.places[name]
	subject, err := remote.Head(at.repo.Digest(digest), at.with(ctx)...)
	if err != nil {
		return outcome(at.repo.Digest(digest).Name(), err)
	}
	img, err := mutate.Append(artifact(types.MediaType(kind)), mutate.Addendum{Layer: static.NewLayer(text, types.MediaType(kind))})
	if err != nil {
		return err
	}
	made := mutate.Subject(img, v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest})
	referring, ok := made.(v1.Image)
	if !ok {
		return fmt.Errorf("%s of %s: go-containerregistry made a %T, want an image", kind, digest, made)
	}
	of, err := referring.Digest()
	if err != nil {
		return err
	}
	if err := remote.Write(at.repo.Digest(of.String()), referring, at.with(ctx)...); err != nil {
		return outcome(at.repo.Name(), err)
	}
	return nil
}

// artifact is an image without files that holds something of a type.
func artifact(kind types.MediaType) v1.Image {
	return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), kind)
}

// endorse adds the signature to those that the image has, under the tag that cosign uses.
func (p publication) endorse(ctx context.Context, name string) error {
	at, s := p.places[name], p.signatures[name]
	tag := at.repo.Tag(strings.Replace(s.Digest, ":", "-", 1) + ".sig")
	base, err := remote.Image(tag, at.with(ctx)...)
	switch {
	case err != nil && missing(err):
		base = artifact(types.OCIConfigJSON)
	case err != nil:
		return outcome(tag.Name(), err)
	default:
		signed, err := p.signed(base, s)
		if err != nil || signed {
			return err
		}
	}
	img, err := mutate.Append(base, mutate.Addendum{
		Layer:       static.NewLayer(s.Payload, payloadType),
		Annotations: map[string]string{annotation: base64.StdEncoding.EncodeToString(s.Signature)},
	})
	if err != nil {
		return outcome(tag.Name(), err)
	}
	if err := remote.Write(tag, img, at.with(ctx)...); err != nil {
		return outcome(tag.Name(), err)
	}
	return nil
}

// signed is true when the image has a signature by the same key already: publishing again
// adds none, although each run of sign makes a new one.
func (p publication) signed(there v1.Image, s signature) (bool, error) {
	manifest, err := there.Manifest()
	if err != nil {
		return false, outcome("the signatures of "+s.Digest, err)
	}
	for _, l := range manifest.Layers {
		old, err := base64.StdEncoding.DecodeString(l.Annotations[annotation])
		if err == nil && l.Digest.String() == digestOf(s.Payload) && verified(p.key, s.Payload, old) {
			return true, nil
		}
	}
	return false, nil
}

// tag names the image by its revision. Registries also clean up what has no tag.
func (p publication) tag(ctx context.Context, name string) error {
	at := p.places[name]
	if err := remote.Tag(at.repo.Tag(p.revisionTag()), p.images[name], at.with(ctx)...); err != nil {
		return outcome(at.repo.Tag(p.revisionTag()).Name(), err)
	}
	return nil
}

// printArgs prints the arguments of `ballast promote` for this release, and writes them to
// promote.args.
func (f publishFlags) printArgs(s streams, dir string, r record) error {
	args := []string{"--registry=" + f.registry, "--revision=" + r.Revision}
	for _, name := range r.names() {
		args = append(args, "--image="+name+"="+r.Images[name].Digest)
	}
	line := strings.Join(args, " ") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "promote.args"), []byte(line), 0o644); err != nil {
		return err
	}
	_, err := io.WriteString(s.out, line)
	return err
}
