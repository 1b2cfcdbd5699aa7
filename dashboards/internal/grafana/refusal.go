package grafana

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// refusedError is an answer that refuses a request.
type refusedError struct {
	status int
	text   string
}

func (e *refusedError) Error() string { return e.text }

// status is that of the answer that an error is about; 0 for another error.
func status(err error) int {
	var refused *refusedError
	if errors.As(err, &refused) {
		return refused.status
	}
	return 0
}

// refusal says what Grafana's answer means and what to do.
func refusal(status int, body []byte) error {
	var said struct {
		Message string `json:"message"`
		Status  string `json:"status"`
	}
	detail := ""
	if json.Unmarshal(body, &said) == nil && said.Message != "" {
		detail = ": " + said.Message
	} else if text := strings.TrimSpace(string(body)); text != "" && len(text) < 200 && !strings.HasPrefix(text, "<") {
		detail = ": " + text
	}
	advice := ""
	switch {
	case status == http.StatusUnauthorized:
		advice = "the token is wrong or has expired"
	case status == http.StatusForbidden:
		advice = "the token's service account lacks a permission: it needs folders:read, folders:create, dashboards:read, dashboards:create and dashboards:write, as the role Editor has"
	case status == http.StatusNotFound:
		advice = "there is no such folder, dashboard or API"
	case status == http.StatusConflict:
		advice = "there is one already"
	case status == http.StatusPreconditionFailed && said.Status == "version-mismatch":
		advice = "somebody saved it meanwhile; look at the change, and push again or with OVERWRITE=1"
	case status == http.StatusPreconditionFailed && said.Status == "name-exists":
		advice = "one with this uid or title is there already; push with OVERWRITE=1 to replace it"
	case status == http.StatusPreconditionFailed && said.Status == "plugin-dashboard":
		advice = "it belongs to a plugin"
	case status >= 500:
		advice = "Grafana is in trouble; see its log, and push again"
	}
	text := fmt.Sprintf("Grafana answers %d %s%s", status, http.StatusText(status), detail)
	if advice != "" {
		text += " (" + advice + ")"
	}
	return &refusedError{status, text}
}

// errNoAnswer is a request whose answer did not come: it may have been carried out.
var errNoAnswer = errors.New("there was no answer")

// unanswered is whether it is unknown if a request was carried out. A server in trouble may
// have done so before.
func unanswered(err error) bool {
	return errors.Is(err, errNoAnswer) || status(err) >= http.StatusInternalServerError
}

// explain names the reason for which there is no answer.
func (c *client) explain(ctx, within context.Context, err error) error {
	var inURL *url.Error
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case within.Err() != nil:
		return fmt.Errorf("%w within %s from %s", errNoAnswer, c.Timeout, c.base.Redacted())
	case errors.As(err, &inURL):
		err = inURL.Err // its text repeats method and URL
	}
	return fmt.Errorf("%w from %s: %w", errNoAnswer, c.base.Redacted(), err)
}
