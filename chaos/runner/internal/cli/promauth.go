package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/prometheus/storage/remote/azuread"
	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/internal/prom"
)

// azureKey of --prometheus-http-config is Microsoft Entra's part, as it is in the
// remote_write of Prometheus.
const azureKey = "azuread"

// promAuth is how Prometheus is asked, where it takes more than its URL.
type promAuth struct {
	http  *promconfig.HTTPClientConfig
	azure *azuread.AzureADConfig // nil: none
}

// readPromAuth reads --prometheus-http-config: the http_config of Prometheus, and beside
// its keys azuread. Relative paths in it are those of its directory. Its errors are about
// the file and hold no secret.
func readPromAuth(file string) (promAuth, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return promAuth{}, fmt.Errorf("--prometheus-http-config: %w", err)
	}
	auth, err := decodePromAuth(text)
	if err != nil {
		return promAuth{}, fmt.Errorf("--prometheus-http-config %s: %w", file, err)
	}
	dir := filepath.Dir(file)
	auth.http.SetDirectory(dir)
	if auth.azure != nil && auth.azure.WorkloadIdentity != nil {
		w := auth.azure.WorkloadIdentity
		w.TokenFilePath = promconfig.JoinDir(dir, w.TokenFilePath)
	}
	return auth, nil
}

func decodePromAuth(text []byte) (promAuth, error) {
	var auth promAuth
	azure, rest, err := splitAzure(text)
	if err != nil {
		return auth, err
	}
	if auth.http, err = promconfig.LoadHTTPConfig(string(rest)); err != nil {
		return auth, err
	}
	if azure == nil {
		return auth, nil
	}
	if h := auth.http; h.BasicAuth != nil || h.Authorization != nil || h.OAuth2 != nil || h.BearerToken != "" || h.BearerTokenFile != "" {
		return auth, fmt.Errorf("%s is given beside basic_auth, authorization, oauth2 or a bearer token; leave one of them out", azureKey)
	}
	d := yaml.NewDecoder(bytes.NewReader(azure))
	d.KnownFields(true)
	auth.azure = &azuread.AzureADConfig{}
	if err := d.Decode(auth.azure); err != nil {
		return auth, fmt.Errorf("%s: %w", azureKey, err)
	}
	if auth.azure.Scope == "" {
		auth.azure.Scope = queryScopes()[auth.azure.Cloud]
	}
	return auth, nil
}

// queryScopes are what tokens for queries are asked for, by cloud. Those that the library
// would ask for are for writing.
func queryScopes() map[string]string {
	return map[string]string{
		azuread.AzurePublic:     "https://prometheus.monitor.azure.com/.default",
		azuread.AzureGovernment: "https://prometheus.monitor.azure.us/.default",
		azuread.AzureChina:      "https://prometheus.monitor.azure.cn/.default",
	}
}

// splitAzure takes the key azuread out of a document; nil where there is none, and the
// document is then as it was.
func splitAzure(text []byte) (azure, rest []byte, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, nil, err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, text, nil
	}
	keys := doc.Content[0]
	for i := 0; i+1 < len(keys.Content); i += 2 {
		if keys.Content[i].Value != azureKey {
			continue
		}
		if azure, err = yaml.Marshal(keys.Content[i+1]); err != nil {
			return nil, nil, err
		}
		keys.Content = append(keys.Content[:i:i], keys.Content[i+2:]...)
		rest, err = yaml.Marshal(keys)
		return azure, rest, err
	}
	return nil, text, nil
}

// transport carries requests with all that the file asks for. Nothing is asked for yet.
func (a promAuth) transport(ctx context.Context) (http.RoundTripper, error) {
	next, err := promconfig.NewRoundTripperFromConfigWithContext(ctx, *a.http, "ballast")
	if err != nil || a.azure == nil {
		return next, err
	}
	signed, err := azuread.NewAzureADRoundTripper(a.azure, asked{next})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", azureKey, err)
	}
	return tokened{RoundTripper: signed, idle: next}, nil
}

// server is a Prometheus that is asked with all that the file asks for, and its first token
// is there. The error wraps prom.ErrUnreachable where there is none.
func (a promAuth) server(ctx context.Context, url, file string) (cluster.Prometheus, error) {
	p := cluster.Prometheus{URL: url}
	var err error
	if p.RoundTripper, err = a.transport(ctx); err != nil {
		return p, fmt.Errorf("--prometheus-http-config %s: %w", file, err)
	}
	return p, a.begin(ctx, p)
}

// tokenTimeout is how long the first token may take. Later ones are got in time, within
// the time of one query.
const tokenTimeout = 20 * time.Second

// errNoToken says that the way to Prometheus was not even begun.
var errNoToken = errors.New("no token for Prometheus from Microsoft Entra")

// begin gets the first token, where one is needed: queries may take less time than that
// does. What Prometheus answers does not matter yet. The error wraps prom.ErrUnreachable.
func (a promAuth) begin(ctx context.Context, p cluster.Prometheus) error {
	if a.azure == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(p.URL, "/")+"/api/v1/status/buildinfo", nil)
	if err != nil {
		return err
	}
	res, err := p.RoundTripper.RoundTrip(req)
	if res != nil {
		defer res.Body.Close()
	}
	if errors.Is(err, errNoToken) || ctx.Err() != nil {
		return fmt.Errorf("%w: %w", prom.ErrUnreachable, err)
	}
	return nil
}

// asked marks the errors of the way to Prometheus, so that those of the way to a token can
// be told from them.
type asked struct{ http.RoundTripper }

type askedError struct{ error }

func (a askedError) Unwrap() error { return a.error }

func (a asked) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := a.RoundTripper.RoundTrip(req)
	if err != nil {
		err = askedError{err}
	}
	return res, err
}

// tokened adds a token to requests. What the library says when it gets none is several
// lines with the whole answer of Microsoft Entra.
type tokened struct {
	http.RoundTripper
	idle http.RoundTripper
}

func (t tokened) RoundTrip(req *http.Request) (*http.Response, error) {
	// The library writes the token into the request, which is the caller's.
	res, err := t.RoundTripper.RoundTrip(req.Clone(req.Context()))
	var way askedError
	switch {
	case err == nil, errors.As(err, &way), req.Context().Err() != nil:
		return res, err
	}
	return nil, fmt.Errorf("%w: %s", errNoToken, briefly(err.Error()))
}

// CloseIdleConnections lets http.Client reach the transport's.
func (t tokened) CloseIdleConnections() {
	if c, ok := t.idle.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// briefly is what an error of the library says, in one line: without the rules and the
// dump of the answer, of which the description stays.
func briefly(text string) string {
	var parts []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "To troubleshoot")
		line = strings.Trim(strings.TrimSpace(line), `",`)
		line = strings.TrimPrefix(strings.TrimPrefix(line, "Failed to get access token: "), `error_description": "`)
		switch {
		case line == "", strings.Trim(line, "-{}") == "", strings.Contains(line, `": `):
			continue
		}
		parts = append(parts, line)
	}
	return strings.Join(parts, "; ")
}
