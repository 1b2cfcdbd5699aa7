package prom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds the bytes of one answer, so that a wrong expression on a large
// server cannot take the runner's memory.
const maxAnswer = 64 << 20

// newTransport is an http.Transport of its own, so that closing the client ends
// its connections and nobody else's.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     30 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second,
	}
}

// screen stands between the API client and the network. It turns a server's own
// trouble into an error before the API client blurs the status, bounds the answer
// and adds the credentials.
type screen struct {
	next http.RoundTripper
	host string
	user *url.Userinfo
}

// troubleError is a status by which the server says that it could not answer.
type troubleError struct {
	status int
	detail string
}

func (e *troubleError) Error() string {
	if e.detail == "" {
		return fmt.Sprintf("status %d %s", e.status, http.StatusText(e.status))
	}
	return fmt.Sprintf("status %d %s: %s", e.status, http.StatusText(e.status), e.detail)
}

// RoundTrip implements http.RoundTripper.
func (s *screen) RoundTrip(req *http.Request) (*http.Response, error) {
	// Not after a redirect to another host.
	if s.user != nil && req.URL.Host == s.host && req.Header.Get("Authorization") == "" {
		password, _ := s.user.Password()
		req = req.Clone(req.Context())
		req.SetBasicAuth(s.user.Username(), password)
	}
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if isTrouble(resp.StatusCode) {
		defer resp.Body.Close()
		return nil, &troubleError{status: resp.StatusCode, detail: detail(resp.Body)}
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// isTrouble is true for a status that says nothing about the query. 499 is what
// Prometheus answers for a query that it gave up itself, as when it shuts down.
func isTrouble(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, 499:
		return true
	default:
		return status >= http.StatusInternalServerError
	}
}

// CloseIdleConnections lets http.Client reach the transport's.
func (s *screen) CloseIdleConnections() {
	if c, ok := s.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// detail is what the body of an error says, in one short line.
func detail(body io.Reader) string {
	const most = 300
	head, err := io.ReadAll(io.LimitReader(body, 4<<10))
	if err != nil {
		return "" // The status is what counts.
	}
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(head, &answer) == nil && answer.Error != "" {
		return answer.Error
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	return string(bytes.ToValidUTF8(line[:min(len(line), most)], nil))
}
