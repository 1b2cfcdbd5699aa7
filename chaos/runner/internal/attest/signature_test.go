package attest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// payloadOf is what cosign signs.
func payloadOf(digest string) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, digest)
}

// sign signs as cosign does: the sha256 of the payload, or with Ed25519 the payload.
func sign(t *testing.T, key crypto.Signer, payload []byte) string {
	t.Helper()
	message, opts := payload, crypto.SignerOpts(crypto.Hash(0))
	if _, ok := key.(ed25519.PrivateKey); !ok {
		sum := sha256.Sum256(payload)
		message, opts = sum[:], crypto.SHA256
	}
	signature, err := key.Sign(rand.Reader, message, opts)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// addSignature puts a signature where cosign puts it.
func (s served) addSignature(t *testing.T, payload []byte, signature string) {
	t.Helper()
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer: static.NewLayer(payload, payloadType), Annotations: map[string]string{signatureAnnotation: signature},
	})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := v1.NewHash(s.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(s.repo.name.Tag(fallbackTag(subject)+".sig"), img, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestASignatureIsOfTheDigestByTheKey(t *testing.T) {
	own, stranger := newKey(t), newKey(t)
	ofRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ofEd, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other := Digest([]byte("another image"))
	for name, tc := range map[string]struct {
		key, by crypto.Signer
		payload func(s served) []byte
		edit    func(string) string
		signed  bool
	}{
		"by the key":        {key: own, by: own, signed: true},
		"by an RSA key":     {key: ofRSA, by: ofRSA, signed: true},
		"by an Ed25519 key": {key: ofEd, by: ofEd, signed: true},
		"by another key":    {key: own, by: stranger},
		"of another digest": {key: own, by: own, payload: func(served) []byte { return payloadOf(other) }},
		"of something that is not a signature": {key: own, by: own, payload: func(s served) []byte {
			return []byte(strings.Replace(string(payloadOf(s.image)), "cosign container", "other", 1))
		}},
		"of something that is not a payload": {key: own, by: own, payload: func(served) []byte { return []byte("x") }},
		"that was edited":                    {key: own, by: own, edit: func(s string) string { return "AAAA" + s[4:] }},
		"that is not a base64":               {key: own, by: own, edit: func(string) string { return "!" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, false, nil)
			payload := payloadOf(s.image)
			if tc.payload != nil {
				payload = tc.payload(s)
			}
			signature := sign(t, tc.by, payload)
			if tc.edit != nil {
				signature = tc.edit(signature)
			}
			s.addSignature(t, payload, signature)
			err := s.repo.Signed(t.Context(), s.image, []crypto.PublicKey{tc.key.Public()})
			if tc.signed && err != nil || !tc.signed && !errors.Is(err, ErrUnsigned) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWhatNobodySignedIsNotSigned(t *testing.T) {
	s := serve(t, false, nil)
	keys := []crypto.PublicKey{newKey(t).Public()}
	if err := s.repo.Signed(t.Context(), s.image, keys); !errors.Is(err, ErrUnsigned) {
		t.Errorf("%v", err)
	}
	ill := serve(t, false, func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusInsufficientStorage)
		return true
	})
	if err := ill.repo.Signed(t.Context(), ill.image, keys); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

func TestKeysAreReadAsCosignWritesThem(t *testing.T) {
	der, err := x509.MarshalPKIXPublicKey(newKey(t).Public())
	if err != nil {
		t.Fatal(err)
	}
	good := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if _, err := ParseKey(good); err != nil {
		t.Error(err)
	}
	for name, data := range map[string][]byte{
		"nothing":          nil,
		"a private key":    pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"two keys":         append(append([]byte{}, good...), good...),
		"a block of noise": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}),
	} {
		if _, err := ParseKey(data); err == nil {
			t.Errorf("%s is read as a key", name)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if key, err := ParseKey(data); err == nil && key == nil {
			t.Error("an invalid key")
		}
	})
}
