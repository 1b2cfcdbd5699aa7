package git

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Webhook tells Argo CD of pushes in the form of GitHub, which it understands.
type Webhook struct {
	URL    string // of Argo CD's receiver: …/api/webhook
	Base   string // how Argo CD's applications name the server: http://HOST
	Secret string // shared with Argo CD
	// Resolver is HOST:PORT of the name server that knows the receiver; empty is the
	// system's.
	Resolver string
	// Client reaches the receiver where its address is out of reach; nil is one that
	// goes there, by Resolver.
	Client *http.Client
}

// patience is how long a receiver may take to come up.
const patience = time.Minute

// Send tells that a branch has moved. A receiver that does not listen yet, as while
// it is started, is waited for. Errors name the receiver's answer.
func (h Webhook) Send(ctx context.Context, p Push) error {
	for end := time.Now().Add(patience); ; {
		err := h.send(ctx, p)
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

func (h Webhook) send(ctx context.Context, p Push) error {
	url := strings.TrimSuffix(h.Base, "/") + "/" + p.Repository
	body, err := json.Marshal(map[string]any{
		"ref": p.Ref, "before": p.Old, "after": p.New,
		"repository": map[string]any{"html_url": url, "default_branch": "main"},
		// Which application minds is for Argo CD to say.
		"commits": []any{map[string]any{"added": []string{}, "removed": []string{}, "modified": p.Files}},
	})
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, []byte(h.Secret))
	mac.Write(body)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	res, err := h.client().Do(req)
	if err != nil {
		return fmt.Errorf("notify Argo CD: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500)) // the status says enough
		return fmt.Errorf("notify Argo CD: %s: %s", res.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

func (h Webhook) client() *http.Client {
	if h.Client != nil {
		return h.Client
	}
	if h.Resolver == "" {
		return http.DefaultClient
	}
	dialer := &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, h.Resolver)
	}}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}
