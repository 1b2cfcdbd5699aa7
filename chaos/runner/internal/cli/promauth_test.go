package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/storage/remote/azuread"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/internal/prom"
)

const (
	clientID = "00000000-0000-0000-0000-00000000000c"
	tenantID = "00000000-0000-0000-0000-00000000000d"
	workload = "azuread:\n  workload_identity: {client_id: " + clientID + ", tenant_id: " + tenantID + ", token_file_path: token}\n"
)

func TestTheHTTPConfigOfPrometheusMayHaveAzureAD(t *testing.T) {
	for name, tc := range map[string]struct {
		text  string
		scope string // empty: the file has no azuread block
		says  string // of the error
	}{
		"nothing":                        {"", "", ""},
		"a bearer token":                 {"authorization: {credentials_file: token}", "", ""},
		"a workload identity":            {"tls_config: {insecure_skip_verify: true}\n" + workload, "https://prometheus.monitor.azure.com/.default", ""},
		"another cloud":                  {workload + "  cloud: AzureChina\n", "https://prometheus.monitor.azure.cn/.default", ""},
		"a scope of its own":             {workload + "  scope: https://example.com/.default\n", "https://example.com/.default", ""},
		"whatever the process has":       {"azuread: {sdk: {}}", "https://prometheus.monitor.azure.com/.default", ""},
		"a cloud that does not exist":    {workload + "  cloud: Azure\n", "", "azuread: must provide a cloud"},
		"an unknown key":                 {workload + "  clouds: AzurePublic\n", "", "azuread: yaml: unmarshal errors"},
		"an unknown key beside it":       {workload + "bearer: x\n", "", "field bearer not found"},
		"no identity":                    {"azuread: {}", "", "azuread: must provide an Azure Managed Identity"},
		"an identity that is not a UUID": {"azuread: {workload_identity: {client_id: me, tenant_id: " + tenantID + "}}", "", "client_id is invalid"},
		"two ways":                       {workload + "basic_auth: {username: me, password: secret}\n", "", "azuread is given beside basic_auth"},
		"no YAML":                        {"azuread: [", "", "yaml: "},
		"a list":                         {"[azuread]", "", "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "http.yaml")
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			auth, err := readPromAuth(file)
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "--prometheus-http-config "+file) || strings.Contains(err.Error(), "secret") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || (auth.azure != nil) != (tc.scope != "") {
				t.Fatalf("%+v, %v", auth, err)
			}
			if auth.azure == nil {
				return
			}
			if auth.azure.Scope != tc.scope {
				t.Errorf("scope %q", auth.azure.Scope)
			}
			if w := auth.azure.WorkloadIdentity; w != nil && w.TokenFilePath != filepath.Join(filepath.Dir(file), "token") {
				t.Errorf("the token is read from %s", w.TokenFilePath)
			}
		})
	}
	if _, err := readPromAuth("none.yaml"); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, ok := queryScopes()[azuread.AzureGovernment]; !ok {
		t.Error("a cloud has no scope")
	}
}

// asksEnv makes the test binary a program that asks Prometheus twice: the library takes
// proxy and certificates from the environment of its process, once.
const asksEnv = "BALLAST_TEST_ASKS"

func TestAsksPrometheus(t *testing.T) {
	url := os.Getenv(asksEnv)
	if url == "" {
		t.Skip("only in a process of its own")
	}
	auth, err := readPromAuth("http.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := cluster.Prometheus{URL: url}
	if p.RoundTripper, err = auth.transport(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := auth.begin(t.Context(), p); err != nil {
		t.Logf("unreachable %t: %v", errors.Is(err, prom.ErrUnreachable), err)
		return
	}
	client, err := prom.New(prom.Config{URL: p.URL, RoundTripper: p.RoundTripper, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for began := time.Now(); time.Since(began) < time.Minute; {
		got, err := client.Instant(t.Context(), "time()", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if got.V > 1 {
			t.Log("a second token was used")
			return
		}
	}
	t.Error("the token was not refreshed")
}

func TestWorkloadIdentityIsSentToPrometheusAndRefreshed(t *testing.T) {
	for name, tc := range map[string]struct {
		status int // of the answer of Microsoft Entra
		file   bool
		says   string
	}{
		"a token is given":       {http.StatusOK, true, "a second token was used"},
		"the identity is denied": {http.StatusUnauthorized, true, "unreachable true: prometheus is unreachable: no token for Prometheus from Microsoft Entra: WorkloadIdentityCredential authentication failed"},
		"the file is not there":  {http.StatusOK, false, "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			entra := newEntra(t, tc.status)
			var bearers []string
			var mu sync.Mutex
			prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				bearer := r.Header.Get("Authorization")
				if !slices.Contains(bearers, bearer) {
					bearers = append(bearers, bearer)
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"%d"]}}`, len(bearers))
			}))
			defer prometheus.Close()
			dir := t.TempDir()
			write := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("http.yaml", workload)
			write("ca.pem", entra.ca)
			if tc.file {
				write("token", "federated-secret")
			}
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestAsksPrometheus$", "-test.v")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), asksEnv+"="+prometheus.URL, "HTTPS_PROXY="+entra.proxy, "https_proxy="+entra.proxy,
				"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "SSL_CERT_FILE="+filepath.Join(dir, "ca.pem"), "SSL_CERT_DIR="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(tc.says)) {
				t.Errorf("%v:\n%s", err, out)
			}
			for _, secret := range []string{"federated-secret", "token-1"} {
				if bytes.Contains(out, []byte(secret)) {
					t.Errorf("%s is shown:\n%s", secret, out)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			entra.mu.Lock()
			defer entra.mu.Unlock()
			if tc.status == http.StatusOK && tc.file {
				if len(bearers) != 2 || len(entra.forms) != 2 {
					t.Fatalf("Prometheus was sent %q, and %d tokens were given", bearers, len(entra.forms))
				}
				if bearers[0] != "Bearer token-1" || bearers[1] != "Bearer token-2" {
					t.Errorf("Prometheus was sent %q", bearers)
				}
				if form := entra.forms[0]; form != "https://prometheus.monitor.azure.com/.default openid offline_access profile federated-secret" {
					t.Errorf("asked for %q", form)
				}
			} else if len(bearers) > 0 {
				t.Errorf("Prometheus was asked with %q", bearers)
			}
		})
	}
}

// entra is what Microsoft Entra is to a client: its host name, behind a proxy, with
// certificates of its own.
type entra struct {
	proxy, ca string
	mu        sync.Mutex
	forms     []string // scope and assertion of each request for a token
}

func newEntra(t *testing.T, status int) *entra {
	t.Helper()
	const host = "login.microsoftonline.com"
	e := &entra{}
	mux := http.NewServeMux()
	answer := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		})
	}
	base := "https://" + host + "/" + tenantID
	answer("GET /common/discovery/instance", `{"tenant_discovery_endpoint":"`+base+`/v2.0/.well-known/openid-configuration","api-version":"1.1","metadata":[{"preferred_network":"`+host+`","preferred_cache":"`+host+`","aliases":["`+host+`"]}]}`)
	answer("GET /"+tenantID+"/v2.0/.well-known/openid-configuration", `{"authorization_endpoint":"`+base+`/oauth2/v2.0/authorize","token_endpoint":"`+base+`/oauth2/v2.0/token","issuer":"`+base+`/v2.0"}`)
	mux.HandleFunc("POST /"+tenantID+"/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.forms = append(e.forms, r.FormValue("scope")+" "+r.FormValue("client_assertion"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if status != http.StatusOK {
			_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"AADSTS700016: the application was not found"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":2,"access_token":"token-%d"}`, len(e.forms))
	})
	server := httptest.NewUnstartedServer(mux)
	var certificate tls.Certificate
	certificate, e.ca = certificateOf(t, host)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host+":443" {
			http.Error(w, "the proxy was asked for "+r.Host, http.StatusBadGateway)
			return
		}
		far, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer far.Close()
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer near.Close()
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(far, near)
			_ = far.Close()
		}()
		_, _ = io.Copy(near, far)
	}))
	t.Cleanup(proxy.Close)
	e.proxy = proxy.URL
	return e
}

// certificateOf is one for a host, signed by itself, and in PEM.
func certificateOf(t *testing.T, host string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
