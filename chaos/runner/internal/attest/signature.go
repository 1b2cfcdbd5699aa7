package attest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The form of cosign's signatures: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
const (
	payloadType         types.MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
	signatureAnnotation                 = "dev.cosignproject.cosign/signature"
	maxPayload                          = 1 << 20 // bytes
	maxSignatures                       = 100     // of one image
)

// ErrUnsigned is returned for a digest that no given key has signed.
var ErrUnsigned = errors.New("it is not signed with a key that is asked for")

// ParseKey reads a public key as cosign writes it: PEM, PKIX.
func ParseKey(data []byte) (crypto.PublicKey, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("want one PEM block of type PUBLIC KEY")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	switch key.(type) {
	case *ecdsa.PublicKey, *rsa.PublicKey, ed25519.PublicKey:
		return key, nil
	}
	return nil, fmt.Errorf("a key of type %T cannot be used; want ECDSA, RSA or Ed25519", key)
}

// Signed is nil when one of the keys has signed the digest, as `cosign sign --key` does: a
// payload that names the digest, in a manifest under the tag that is made of it. No
// certificate is looked at and no transparency log is asked. The error wraps ErrUnsigned,
// ErrRefused or ErrUnreachable.
func (r Repository) Signed(ctx context.Context, digest string, keys []crypto.PublicKey) error {
	subject, err := v1.NewHash(digest)
	if err != nil {
		return fmt.Errorf("%q: %w", digest, err)
	}
	img, err := remote.Image(r.name.Tag(fallbackTag(subject)+".sig"), r.with(ctx)...)
	if err != nil {
		if err = outcome(err); errors.Is(err, ErrNoImage) {
			return fmt.Errorf("%s@%s: %w: nothing has signed it", r, digest, ErrUnsigned)
		}
		return fmt.Errorf("%s@%s: %w", r, digest, err)
	}
	m, err := img.Manifest()
	if err != nil {
		return fmt.Errorf("%s@%s: %w", r, digest, outcome(err))
	}
	for _, l := range m.Layers[:min(len(m.Layers), maxSignatures)] {
		if l.MediaType != payloadType || l.Size > maxPayload {
			continue
		}
		payload, err := readLayer(img, l)
		if err != nil {
			if err = outcome(err); errors.Is(err, ErrArtifact) {
				continue
			}
			return fmt.Errorf("%s@%s: %w", r, digest, err)
		}
		if names(payload, digest) && verified(keys, payload, l.Annotations[signatureAnnotation]) {
			return nil
		}
	}
	return fmt.Errorf("%s@%s: %w: it has %d signatures, and none was made with one of the %d keys; sign the image, or add the public key to spec.signatures.keys", r, digest, ErrUnsigned, len(m.Layers), len(keys))
}

// names is true for a cosign payload that signs a digest.
func names(payload []byte, digest string) bool {
	var said struct {
		Critical struct {
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
			Type string `json:"type"`
		} `json:"critical"`
	}
	err := json.Unmarshal(payload, &said)
	return err == nil && said.Critical.Image.Digest == digest && said.Critical.Type == "cosign container image signature"
}

func verified(keys []crypto.PublicKey, payload []byte, encoded string) bool {
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(payload)
	for _, key := range keys {
		switch key := key.(type) {
		case *ecdsa.PublicKey:
			if ecdsa.VerifyASN1(key, sum[:], signature) {
				return true
			}
		case *rsa.PublicKey:
			if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil {
				return true
			}
		case ed25519.PublicKey:
			if ed25519.Verify(key, payload, signature) {
				return true
			}
		}
	}
	return false
}
