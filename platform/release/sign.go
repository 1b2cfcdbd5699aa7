package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
)

// The forms of signatures.
const (
	payloadType  = "application/vnd.dev.cosign.simplesigning.v1+json" // cosign's SIGNATURE_SPEC.md
	inTotoType   = "application/vnd.in-toto+json"
	envelopeType = "application/vnd.dsse.envelope.v1+json"
)

// signature is the file signature.json of one image.
type signature struct {
	Digest     string   `json:"digest"`
	Payload    []byte   `json:"payload"`   // cosign's, which names the digest
	Signature  []byte   `json:"signature"` // of the payload, ASN.1
	Provenance envelope `json:"provenance"`
}

// envelope is a signed statement: https://github.com/secure-systems-lab/dsse.
type envelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     []byte              `json:"payload"`
	Signatures  []envelopeSignature `json:"signatures"`
}

type envelopeSignature struct {
	Sig []byte `json:"sig"`
}

type signFlags struct {
	key, builder, registry, prefix string
	unscanned                      bool
}

func newSign(dir *string) *cobra.Command {
	var f signFlags
	cmd := &cobra.Command{
		Use: "sign", Short: "Sign the images and their provenance", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var errs []error
			if f.key == "" {
				errs = append(errs, errors.New("--key is missing: a file, or azurekms://VAULT.vault.azure.net/KEY"))
			}
			if f.registry == "" {
				errs = append(errs, errors.New("--registry is missing: where the images will be published"))
			}
			if err := errors.Join(errs...); err != nil {
				return usageError{err}
			}
			r, _, err := load(*dir)
			if err != nil {
				return err
			}
			if err := r.judged(f.unscanned); err != nil {
				return err
			}
			return f.sign(cmd.Context(), *dir, r)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "a key's file, or azurekms://VAULT.vault.azure.net/KEY[/VERSION]")
	flags.StringVar(&f.registry, "registry", "", "the registry that the images are published to")
	flags.StringVar(&f.prefix, "prefix", "ballast", "what comes before an image's name in the registry")
	flags.StringVar(&f.builder, "builder", "https://github.com/ballast-sre/ballast/local", "who builds, as a URI, for the provenance")
	flags.BoolVar(&f.unscanned, "unscanned", false, "go on with images that could not be scanned, and say so in the provenance")
	return cmd
}

// judged returns an error for a release that may not be published. Images with
// vulnerabilities never may.
func (r record) judged(unscanned bool) error {
	switch {
	case r.Scan == nil:
		return fmt.Errorf("%w: the images are not scanned; scan first", errInvalid)
	case !slices.Equal(r.Scan.Images, r.platforms()):
		return fmt.Errorf("%w: the scan was of other images; scan again", errInvalid)
	case r.Scan.Status == statusVulnerable:
		return errFound
	case r.Scan.Status != statusClean && !unscanned:
		return errNotScanned
	}
	return nil
}

// sign signs every image. It writes nothing before all signatures are made.
func (f signFlags) sign(ctx context.Context, dir string, r record) error {
	key, err := open(ctx, f.key)
	if err != nil {
		return err
	}
	all := map[string]signature{}
	for _, name := range r.names() {
		s := signature{Digest: r.Images[name].Digest, Payload: payload(f.registry+"/"+f.prefix+"/"+name, r.Images[name].Digest)}
		if s.Signature, err = key.sign(ctx, s.Payload); err != nil {
			return err
		}
		statement, err := provenance(name, f.builder, r)
		if err != nil {
			return err
		}
		if s.Provenance, err = seal(ctx, key, statement); err != nil {
			return err
		}
		all[name] = s
	}
	public, err := publicPEM(key)
	if err != nil {
		return err
	}
	for name, s := range all {
		if err := writeJSON(signatureFile(dir, name), s); err != nil {
			return err
		}
	}
	return os.WriteFile(publicFile(dir), public, 0o644)
}

// payload is what cosign signs of an image.
func payload(repository, digest string) []byte {
	type identity struct {
		Reference string `json:"docker-reference"`
	}
	type manifest struct {
		Digest string `json:"docker-manifest-digest"`
	}
	type critical struct {
		Identity identity `json:"identity"`
		Image    manifest `json:"image"`
		Type     string   `json:"type"`
	}
	data, err := json.Marshal(struct {
		Critical critical       `json:"critical"`
		Optional map[string]any `json:"optional"`
	}{Critical: critical{identity{repository}, manifest{digest}, "cosign container image signature"}})
	if err != nil {
		panic(err) // Text alone is always JSON.
	}
	return data
}

// seal signs a statement in an envelope.
func seal(ctx context.Context, key signer, statement []byte) (envelope, error) {
	sig, err := key.sign(ctx, encoded(inTotoType, statement))
	if err != nil {
		return envelope{}, err
	}
	return envelope{PayloadType: inTotoType, Payload: statement, Signatures: []envelopeSignature{{Sig: sig}}}, nil
}

// encoded is what is signed in an envelope: the pre-authentication encoding of DSSE.
func encoded(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}
