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

// argoServer is what stands behind Argo CD's interface, reached through the API server.
// It alone knows what git says of an object.
type argoServer struct {
	client *http.Client
	api    *url.URL // of the API server
	token  string
}

// explain adds to differences which fields they are. It asks only where something differs.
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
		answer, err := s.ask(ctx, http.MethodGet, "api/v1/applications/"+url.PathEscape(a.Name)+"/managed-resources", nil)
		if err == nil {
			err = a.Explain(answer)
		}
		if err != nil {
			return fmt.Errorf("differences of %s: %w", a.Name, err)
		}
	}
	return nil
}

// login takes the account that Argo CD makes by itself, whose password whoever may read
// its Secrets can read. Elsewhere it may be switched off.
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
	answer, err := s.ask(ctx, http.MethodPost, "api/v1/session", credential)
	if err != nil {
		return err
	}
	var session struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(answer, &session); err != nil || session.Token == "" {
		return errors.New("it gives no token")
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
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxList))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", res.Status, status.Line(string(text)))
	}
	return text, nil
}
