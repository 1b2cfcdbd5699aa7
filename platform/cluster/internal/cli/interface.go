package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/ballast-sre/ballast/platform/cluster/internal/bootstrap"
	"github.com/ballast-sre/ballast/platform/cluster/internal/status"
)

// argoServer is the server behind Argo CD's web interface, reached through the API server.
// No other program knows what git has for an object.
type argoServer struct {
	client *http.Client
	api    *url.URL // of the API server
	token  string
}

// explain adds the fields to each difference. It asks only where something differs.
func explain(ctx context.Context, client *http.Client, api *url.URL, all []status.Application) error {
	s := argoServer{client: client, api: api}
	for i := range all {
		a := &all[i]
		if a.Sync != "OutOfSync" || len(a.Differences) == 0 {
			continue
		}
		if s.token == "" {
			if err := s.login(ctx); err != nil {
				return fmt.Errorf("log in to Argo CD: %w", err)
			}
		}
		managed, err := s.ask(ctx, http.MethodGet, "api/v1/applications/"+url.PathEscape(a.Name)+"/managed-resources", nil)
		if err == nil {
			err = a.Explain(managed)
		}
		if err != nil {
			return fmt.Errorf("differences of %s: %w", a.Name, err)
		}
	}
	return nil
}

// login uses the account admin, whose password is in a Secret that Argo CD makes. A cluster
// may have that account switched off.
func (s *argoServer) login(ctx context.Context) error {
	text, err := s.do(ctx, http.MethodGet, s.api.JoinPath("api/v1/namespaces", bootstrap.Namespace, "secrets/argocd-initial-admin-secret"), nil)
	if err != nil {
		return err
	}
	var secret struct {
		Data struct {
			Password []byte `json:"password"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &secret); err != nil {
		return err
	}
	credential, err := json.Marshal(map[string]string{"username": "admin", "password": string(secret.Data.Password)})
	if err != nil {
		return err
	}
	text, err = s.ask(ctx, http.MethodPost, "api/v1/session", credential)
	if err != nil {
		return err
	}
	var session struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(text, &session); err != nil || session.Token == "" {
		return errors.New("Argo CD answered without a token") //nolint:staticcheck // a name
	}
	s.token = session.Token
	return nil
}

// ask asks Argo CD.
func (s *argoServer) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	return s.do(ctx, method, s.api.JoinPath("api/v1/namespaces", bootstrap.Namespace, "services/argocd-webhook:http/proxy", path), body)
}

func (s *argoServer) do(ctx context.Context, method string, to *url.URL, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if s.token != "" {
		// The API server keeps the header Authorization for itself.
		req.AddCookie(&http.Cookie{Name: "argocd.token", Value: s.token, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	a, err := send(s.client, req)
	if err != nil {
		return nil, err
	}
	if a.code != http.StatusOK {
		return nil, a.refusal()
	}
	return a.body, nil
}

// mostAnswer bounds an answer of the API server, in bytes.
const mostAnswer = 64 << 20

// answer is one of the API server, or of what is behind it.
type answer struct {
	code   int
	status string // code and name: 403 Forbidden
	body   []byte
}

// refusal is the error of an answer that is not the one that was wanted.
func (a answer) refusal() error {
	return fmt.Errorf("%s: %s", a.status, status.Line(string(a.body)))
}

// send sends a request and reads its whole answer.
func send(client *http.Client, req *http.Request) (answer, error) {
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer+1))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > mostAnswer {
		return answer{}, fmt.Errorf("the answer has more than %d bytes", mostAnswer)
	}
	return answer{res.StatusCode, res.Status, body}, nil
}
