package prom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Alertmanagers returns the URLs to which the server sends alerts, as it knows them. They
// may be reachable from there only. It blocks for at most the client's timeout. The error
// wraps ErrNoRulesAPI where the server sends no alerts and has no such API, or
// ErrUnreachable.
func (c *Client) Alertmanagers(ctx context.Context) ([]string, error) {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.api.AlertManagers(call)
	if err != nil {
		return nil, c.explain(ctx, "alertmanagers", noRules(err))
	}
	out := make([]string, 0, len(answer.Active))
	for _, a := range answer.Active {
		out = append(out, a.URL)
	}
	return out, nil
}

// Notice is one alert as Alertmanager has it.
type Notice struct {
	Labels map[string]string
	// StartsAt is since when it fires, by the clock of the Prometheus that sent it.
	StartsAt time.Time
}

// Alertmanager asks one Alertmanager which alerts it has. It is safe for concurrent use.
// Close it when done.
type Alertmanager struct {
	http    *http.Client
	base    *url.URL
	timeout time.Duration
}

// NewAlertmanager returns a client and asks nothing yet. Of the configuration it takes URL,
// RoundTripper and Timeout. It fails on a URL that is not an absolute http or https one.
func NewAlertmanager(cfg Config) (*Alertmanager, error) {
	base, user, err := splitURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("alertmanager: %w", err)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	next := cfg.RoundTripper
	if next == nil {
		next = newTransport()
	}
	return &Alertmanager{http: &http.Client{Transport: &screen{next: next, host: base.Host, user: user}}, base: base, timeout: cfg.Timeout}, nil
}

// Close closes idle connections. Calls under way go on.
func (a *Alertmanager) Close() { a.http.CloseIdleConnections() }

// Notices returns every alert with these labels that Alertmanager has and that has not
// ended, silenced and inhibited ones and those that wait for their group's time included:
// whoever is notified of it, and when, is another matter. It blocks for at most the
// client's timeout.
func (a *Alertmanager) Notices(ctx context.Context, labels map[string]string) ([]Notice, error) {
	call, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	at := a.base.JoinPath("api/v2/alerts")
	query := url.Values{}
	for k, v := range labels {
		query.Add("filter", fmt.Sprintf("%s=%q", k, v))
	}
	at.RawQuery = query.Encode()
	notices, err := a.get(call, at.String())
	switch {
	case err == nil:
		return notices, nil
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		// Not wrapped: the caller would take it for its own deadline.
		err = fmt.Errorf("no answer within %s", a.timeout)
	default:
		var inURL *url.Error
		if errors.As(err, &inURL) {
			err = inURL.Err // its text repeats method and URL
		}
	}
	return nil, fmt.Errorf("alertmanager %s: %w", a.base.Redacted(), err)
}

func (a *Alertmanager) get(ctx context.Context, at string) ([]Notice, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	res, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, &troubleError{status: res.StatusCode, detail: detail(res.Body)}
	}
	var answer []struct {
		Labels   map[string]string `json:"labels"`
		StartsAt time.Time         `json:"startsAt"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("the answer is not a list of alerts: %w", err)
	}
	out := make([]Notice, 0, len(answer))
	for _, n := range answer {
		out = append(out, Notice(n))
	}
	return out, nil
}
