package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"regexp"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// vaultScheme begins a key's URI as cosign writes it.
const vaultScheme = "azurekms://"

// vaultKey is such a URI: the vault's host, the key, and a version of it.
var vaultKey = regexp.MustCompile(`^azurekms://([a-z0-9-]{3,24}\.vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net))/([0-9A-Za-z-]{1,127})(?:/([0-9a-f]{32}))?$`)

// vaultSigner signs with a key that never leaves its Key Vault.
type vaultSigner struct {
	client        *azkeys.Client
	name, version string
	key           *ecdsa.PublicKey
}

// openVault opens a key in a Key Vault, with the identity of `az login`: the pipeline's
// service connection by workload identity federation, or yours. A nil credential or client is
// that of this machine. The error wraps errInvalid or errUnavailable.
func openVault(ctx context.Context, uri string, credential azcore.TokenCredential, client policy.Transporter) (signer, error) {
	parts := vaultKey.FindStringSubmatch(uri)
	if parts == nil {
		return nil, usageError{fmt.Errorf("--key %q: want azurekms://VAULT.vault.azure.net/KEY or …/KEY/VERSION", uri)}
	}
	var err error
	if credential == nil {
		if credential, err = azidentity.NewAzureCLICredential(nil); err != nil {
			return nil, fmt.Errorf("%w: %w", errUnavailable, err)
		}
	}
	options := azkeys.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: client}}
	v := vaultSigner{name: parts[2]}
	if v.client, err = azkeys.NewClient("https://"+parts[1], credential, &options); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	answer, err := v.client.GetKey(ctx, parts[2], parts[3], nil)
	if err != nil {
		return nil, vaultError(uri, err)
	}
	jwk := answer.Key
	if jwk == nil || jwk.Crv == nil || *jwk.Crv != azkeys.CurveNameP256 || jwk.KID == nil || len(jwk.X) > 32 || len(jwk.Y) > 32 {
		return nil, fmt.Errorf("%w: %s is not a key on P-256; make one with `az keyvault key create --kty EC --curve P-256`", errInvalid, uri)
	}
	// Sign with the version whose public half this is: the key may be rotated meanwhile.
	v.version = jwk.KID.Version()
	point := append([]byte{4}, append(new(big.Int).SetBytes(jwk.X).FillBytes(make([]byte, 32)), new(big.Int).SetBytes(jwk.Y).FillBytes(make([]byte, 32))...)...)
	if v.key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
		return nil, fmt.Errorf("%w: the public half of %s: %w", errInvalid, uri, err)
	}
	return v, nil
}

func (v vaultSigner) public() crypto.PublicKey { return v.key }

// sign asks the vault. It answers with two numbers one after the other, as in JOSE; cosign's
// signatures are ASN.1.
func (v vaultSigner) sign(ctx context.Context, message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	algorithm := azkeys.SignatureAlgorithmES256
	answer, err := v.client.Sign(ctx, v.name, v.version, azkeys.SignParameters{Algorithm: &algorithm, Value: sum[:]}, nil)
	if err != nil {
		return nil, vaultError(v.name, err)
	}
	if len(answer.Result) != 64 {
		return nil, fmt.Errorf("%w: the vault signed with %d bytes, want 64", errUnavailable, len(answer.Result))
	}
	signature, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(answer.Result[:32]), new(big.Int).SetBytes(answer.Result[32:])})
	if err != nil {
		return nil, err
	}
	if !ecdsa.VerifyASN1(v.key, sum[:], signature) {
		return nil, fmt.Errorf("%w: the vault's signature does not match the public half of its key", errUnavailable)
	}
	return signature, nil
}

// vaultError tells a key that does not exist from a vault that refuses us.
func vaultError(key string, err error) error {
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) {
		return fmt.Errorf("%w: the key %s: %w", errUnavailable, key, err)
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w: the key %s does not exist (%s); make it, or correct --key", errInvalid, key, answer.ErrorCode)
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: the key %s: the token is not accepted (%s); log in again with `az login`", errUnavailable, key, answer.ErrorCode)
	case http.StatusForbidden:
		return fmt.Errorf("%w: the key %s: not allowed (%s); you need the role Key Vault Crypto User, and an address that the vault's firewall lets in", errUnavailable, key, answer.ErrorCode)
	}
	return fmt.Errorf("%w: the key %s: %d %s", errUnavailable, key, answer.StatusCode, answer.ErrorCode)
}
