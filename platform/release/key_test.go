package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

func TestAKeyOfThisMachineIsItsOwnersAlone(t *testing.T) {
	file := newKeyFile(t)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("it is %v, %v", info.Mode(), err)
	}
	if code, _, stderr := call("key", "--out="+file); code != exitUsage || !strings.Contains(stderr, "exists already") {
		t.Errorf("a key was replaced: %d %s", code, stderr)
	}
	code, out, stderr := call("key", "--public-of="+file)
	public, err := os.ReadFile(file + ".pub")
	if code != exitOK || err != nil || out != string(public) {
		t.Errorf("exit %d, %v: %s%s", code, err, out, stderr)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openFile(file); err == nil || !strings.Contains(err.Error(), "others than you may read the key") {
		t.Errorf("a key that all may read: %v", err)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	for text, says := range map[string]string{"": "holds no PEM block", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": bad} {
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openFile(bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// somebody has a token, as whoever has called `az login`.
type somebody struct{}

func (somebody) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// vault answers as Key Vault does, and sends all requests for its host to a test server.
type vault struct {
	server *httptest.Server
	key    *ecdsa.PrivateKey
	status int    // of all answers but the challenge; 0: as it should be
	curve  string // of the key
}

func (v vault) Do(r *http.Request) (*http.Response, error) {
	at, err := url.Parse(v.server.URL)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = at.Scheme, at.Host
	return v.server.Client().Do(r)
}

func newVault(t *testing.T, status int, curve string) vault {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v := vault{key: key, status: status, curve: curve}
	encode := base64.RawURLEncoding.EncodeToString
	v.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if v.status != 0 {
			w.WriteHeader(v.status)
			_, _ = w.Write([]byte(`{"error":{"code":"Forbidden","message":"no"}}`))
			return
		}
		const kid = "https://ballast.vault.azure.net/keys/release/0123456789abcdef0123456789abcdef"
		if r.Method == http.MethodGet {
			point, err := key.PublicKey.Bytes()
			if err != nil {
				t.Error(err)
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"key": map[string]any{"kid": kid, "kty": "EC", "crv": v.curve, "x": encode(point[1:33]), "y": encode(point[33:])}})
			return
		}
		var asked struct{ Alg, Value string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Alg != "ES256" || !strings.HasSuffix(r.URL.Path, "/0123456789abcdef0123456789abcdef/sign") {
			t.Errorf("asked %s for %+v, %v", r.URL.Path, asked, err)
		}
		sum, err := base64.RawURLEncoding.DecodeString(asked.Value)
		if err != nil {
			t.Error(err)
		}
		rr, ss, err := ecdsa.Sign(rand.Reader, key, sum)
		if err != nil {
			t.Error(err)
		}
		both := append(rr.FillBytes(make([]byte, 32)), ss.FillBytes(make([]byte, 32))...)
		_ = json.NewEncoder(w).Encode(map[string]any{"kid": kid, "value": encode(both)})
	}))
	t.Cleanup(v.server.Close)
	return v
}

func TestAKeyInAVaultSignsAsOneOfAFileDoes(t *testing.T) {
	v := newVault(t, 0, "P-256")
	key, err := openVault(t.Context(), "azurekms://ballast.vault.azure.net/release", somebody{}, v)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := key.sign(t.Context(), []byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("message"))
	if !ecdsa.VerifyASN1(&v.key.PublicKey, sum[:], signature) {
		t.Error("what it signed is not what cosign reads")
	}
}

func TestVaultsThatDoNotSign(t *testing.T) {
	for title, tt := range map[string]struct {
		status, code int
		curve, says  string
	}{
		"with an expired token": {http.StatusUnauthorized, exitUnavailable, "P-256", "az login"},
		"without the role":      {http.StatusForbidden, exitUnavailable, "P-256", "Key Vault Crypto User"},
		"without the key":       {http.StatusNotFound, exitInvalid, "P-256", "does not exist"},
		"with another curve":    {0, exitInvalid, "P-384", "is not a key on P-256"},
	} {
		t.Run(title, func(t *testing.T) {
			_, err := openVault(t.Context(), "azurekms://ballast.vault.azure.net/release", somebody{}, newVault(t, tt.status, tt.curve))
			if err == nil || !strings.Contains(err.Error(), tt.says) || exitCode(err) != tt.code || strings.Contains(err.Error(), "Bearer") {
				t.Errorf("exit %d, want %d and %q: %v", exitCode(err), tt.code, tt.says, err)
			}
		})
	}
}
