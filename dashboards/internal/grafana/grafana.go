// Package grafana brings dashboards to a Grafana by its HTTP API: it makes their folder,
// looks whether each may be saved, and saves them one after another.
package grafana

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// DefaultTimeout bounds one request when Config.Timeout is zero.
const DefaultTimeout = 30 * time.Second

// Config says where to push and as whom.
type Config struct {
	// URL of Grafana, with its path where it is served below one. It must not hold a
	// password.
	URL string
	// Token of a service account, sent as "Authorization: Bearer".
	Token string
	// FolderUID and FolderTitle name the folder, which is made where it is missing.
	FolderUID, FolderTitle string
	// Message is the note in the dashboards' history of versions.
	Message string
	// Overwrite saves a dashboard whatever became of it since it was looked at. Without,
	// one that is saved by somebody else meanwhile is refused (412).
	Overwrite bool
	Timeout   time.Duration
}

// Dashboard is one to push. JSON is an object with this uid.
type Dashboard struct {
	UID, Title string
	JSON       json.RawMessage
}

// Outcome is what became of one dashboard.
type Outcome string

// The outcomes.
const (
	Pushed    Outcome = "pushed"
	NotPushed Outcome = "not pushed"
	// Unknown is that of a request without an answer: it may have been carried out.
	Unknown Outcome = "unknown"
)

// Report is what became of a dashboard. Version and URL are there for one that was pushed.
type Report struct {
	Title   string
	Outcome Outcome
	Version int
	URL     string
}

// client speaks to one Grafana.
type client struct {
	Config
	base *url.URL
	http *http.Client
}

// Push saves all dashboards, and says of each, in their order, what became of it. Before
// the first is saved, all are looked at: one that may not be saved, or a folder that may
// not be used, is an error that changes nothing. Later the first error ends it. Push
// blocks for at most the timeout for each of its requests, two for each dashboard and two
// more; ctx ends it earlier.
func Push(ctx context.Context, cfg Config, boards []Dashboard) ([]Report, error) {
	reports := make([]Report, len(boards))
	for i, b := range boards {
		reports[i] = Report{Title: b.Title, Outcome: NotPushed}
	}
	c, err := newClient(cfg)
	if err != nil {
		return reports, err
	}
	defer c.http.CloseIdleConnections()
	there, err := c.folder(ctx)
	if err != nil {
		return reports, err
	}
	existing := make([]present, len(boards))
	var refused []error
	for i, b := range boards {
		if existing[i], err = c.look(ctx, b); err != nil {
			refused = append(refused, fmt.Errorf("dashboard %q: %w", b.Title, err))
			if unanswered(err) {
				break // the next question would wait as long
			}
		}
	}
	if err := errors.Join(refused...); err != nil {
		return reports, err
	}
	if !there {
		if err := c.makeFolder(ctx); err != nil {
			return reports, err
		}
	}
	for i, b := range boards {
		saved, err := c.save(ctx, b, existing[i])
		if err != nil {
			if unanswered(err) {
				reports[i].Outcome = Unknown
			}
			return reports, fmt.Errorf("dashboard %q: %w", b.Title, err)
		}
		reports[i] = Report{b.Title, Pushed, saved.Version, c.base.ResolveReference(&url.URL{Path: saved.URL}).String()}
	}
	return reports, nil
}

func newClient(cfg Config) (*client, error) {
	base, err := url.Parse(cfg.URL)
	switch {
	case err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		// The error of the parser would repeat the URL, and a password in it.
		return nil, errors.New("the URL of Grafana is not one: write it as https://grafana.example.com")
	case base.User != nil:
		return nil, errors.New("the URL of Grafana holds a user or password: take them out, and give the token of a service account")
	case cfg.Token == "":
		return nil, errors.New("there is no token: make a service account in Grafana with the role Editor, and give its token")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	return &client{Config: cfg, base: base, http: &http.Client{
		// A redirect makes a POST a GET, and may lead to another host.
		CheckRedirect: func(to *http.Request, _ []*http.Request) error {
			return fmt.Errorf("it redirects to %s: give that address", to.URL.Redacted())
		},
	}}, nil
}

// folder finds out whether the folder is there and may be used.
func (c *client) folder(ctx context.Context) (there bool, err error) {
	var f struct {
		UID     string `json:"uid"`
		CanSave *bool  `json:"canSave"`
	}
	err = c.call(ctx, http.MethodGet, nil, &f, "api", "folders", c.FolderUID)
	switch {
	case status(err) == http.StatusNotFound:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("folder %s: %w", c.FolderUID, err)
	case f.UID != c.FolderUID:
		return false, fmt.Errorf("folder %s: the answer is not that of Grafana: is %s its address?", c.FolderUID, c.base.Redacted())
	case f.CanSave != nil && !*f.CanSave:
		return false, fmt.Errorf("folder %s: the token may not save in it: give its service account the permission Edit", c.FolderUID)
	}
	return true, nil
}

func (c *client) makeFolder(ctx context.Context) error {
	body := map[string]string{"uid": c.FolderUID, "title": c.FolderTitle}
	if err := c.call(ctx, http.MethodPost, body, nil, "api", "folders"); err != nil {
		return fmt.Errorf("make the folder %s: %w", c.FolderUID, err)
	}
	return nil
}

// present is what Grafana has of a dashboard: nothing where the version is 0.
type present struct {
	ID      int `json:"id"`
	Version int `json:"version"`
}

// look finds out whether a dashboard may be saved, and which version is there.
func (c *client) look(ctx context.Context, b Dashboard) (present, error) {
	var d struct {
		Dashboard present `json:"dashboard"`
		Meta      struct {
			Provisioned bool  `json:"provisioned"`
			CanSave     *bool `json:"canSave"`
		} `json:"meta"`
	}
	err := c.call(ctx, http.MethodGet, nil, &d, "api", "dashboards", "uid", b.UID)
	switch {
	case status(err) == http.StatusNotFound:
		return present{}, nil
	case err != nil:
		return present{}, err
	case d.Meta.Provisioned:
		return present{}, errors.New("it is provisioned from a file, and only that can change it")
	case d.Meta.CanSave != nil && !*d.Meta.CanSave:
		return present{}, errors.New("the token may not save it")
	}
	return d.Dashboard, nil
}

// saved is Grafana's answer to a dashboard that it saved.
type saved struct {
	UID     string `json:"uid"`
	URL     string `json:"url"`
	Status  string `json:"status"`
	Version int    `json:"version"`
}

// save makes a dashboard, or a new version of the one that is there: by its id and version,
// so that a change that somebody makes meanwhile is not lost.
func (c *client) save(ctx context.Context, b Dashboard, there present) (saved, error) {
	var s saved
	var model map[string]any
	if err := json.Unmarshal(b.JSON, &model); err != nil {
		return s, fmt.Errorf("its JSON: %w", err)
	}
	model["id"], model["uid"] = nil, b.UID
	delete(model, "version")
	if there.Version > 0 {
		model["version"] = there.Version
		if there.ID > 0 {
			model["id"] = there.ID
		}
	}
	body := map[string]any{"dashboard": model, "folderUid": c.FolderUID, "message": c.Message, "overwrite": c.Overwrite}
	if err := c.call(ctx, http.MethodPost, body, &s, "api", "dashboards", "db"); err != nil {
		return s, err
	}
	if s.Status != "success" || s.UID != b.UID {
		return s, fmt.Errorf("the answer is not that of Grafana to a dashboard that it saved: status %q, uid %q", s.Status, s.UID)
	}
	return s, nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 8 << 20

// call sends one request. What the answer says in JSON is decoded into answer, unless that
// is nil. An answer of another class than 2xx is a [refusedError].
func (c *client) call(ctx context.Context, method string, body, answer any, path ...string) error {
	within, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var content io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(within, method, c.base.JoinPath(path...).String(), content)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.explain(ctx, within, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return c.explain(ctx, within, err)
	}
	if res.StatusCode/100 != 2 {
		return refusal(res.StatusCode, text)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("the answer is not that of Grafana: is %s its address? %w", c.base.Redacted(), err)
	}
	return nil
}
