package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// signer signs with one key. Only ECDSA on P-256 with SHA-256 is used: cosign's own choice,
// and one that Key Vault has.
type signer interface {
	// public is the key to verify with.
	public() crypto.PublicKey
	// sign signs a message, as ASN.1. It blocks until then, or until ctx ends.
	sign(ctx context.Context, message []byte) ([]byte, error)
}

// open opens a key: a file, or azurekms://VAULT.vault.azure.net/KEY[/VERSION].
func open(ctx context.Context, key string) (signer, error) {
	if strings.HasPrefix(key, vaultScheme) {
		return openVault(ctx, key, nil, nil)
	}
	return openFile(key)
}

type fileSigner struct{ key *ecdsa.PrivateKey }

func (f fileSigner) public() crypto.PublicKey { return f.key.Public() }

func (f fileSigner) sign(_ context.Context, message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, f.key, sum[:])
}

// openFile reads a key that newKey has written. The error wraps errInvalid.
func openFile(file string) (signer, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("%w: the key: %w; make one with `release key --out %s`", errInvalid, err, file)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: others than you may read the key %s (%s); chmod 600 it, and make a new one if somebody did", errInvalid, file, info.Mode().Perm())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: the key: %w", errInvalid, err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%w: %s holds no PEM block of type PRIVATE KEY", errInvalid, file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errInvalid, file, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: %s holds a key of type %T; want ECDSA on P-256", errInvalid, file, parsed)
	}
	return fileSigner{key}, nil
}

// newKey makes a key of this machine, or prints the public half of any key.
func newKey(s streams) *cobra.Command {
	var out, of string
	cmd := &cobra.Command{
		Use: "key", Short: "Make a signing key, or print the public half of one", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (out == "") == (of == "") {
				return usageError{errors.New("give --out for a new key, or --public-of for the public half of one")}
			}
			if of != "" {
				key, err := open(cmd.Context(), of)
				if err != nil {
					return err
				}
				text, err := publicPEM(key)
				if err != nil {
					return err
				}
				_, err = s.out.Write(text)
				return err
			}
			return makeKey(out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file of a new key, which only you may read; FILE.pub gets its public half")
	cmd.Flags().StringVar(&of, "public-of", "", "a key's file, or azurekms://VAULT.vault.azure.net/KEY[/VERSION]")
	return cmd
}

// makeKey writes a new key. It never replaces one: nothing could be signed with it again.
func makeKey(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := publicPEM(fileSigner{key})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("--out %s exists already; choose another file, or remove it if nothing needs it", file)}
	}
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.WriteFile(file+".pub", public, 0o644)
}

// publicPEM is the public half as cosign writes it, and as promotion.yaml names it.
func publicPEM(s signer) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(s.public())
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// readPublic reads what publicPEM has written. The error wraps errInvalid.
func readPublic(file string) (*ecdsa.PublicKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: the images are not signed (%w); sign first", errInvalid, err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%w: %s holds no key; sign again", errInvalid, file)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; sign again", errInvalid, file, err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: %s holds a key of type %T; sign again", errInvalid, file, parsed)
	}
	return key, nil
}

// verified is true for a signature of the message by the key.
func verified(key *ecdsa.PublicKey, message, signature []byte) bool {
	sum := sha256.Sum256(message)
	return ecdsa.VerifyASN1(key, sum[:], signature)
}
