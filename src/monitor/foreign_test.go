package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// raw sends a request as it is written and returns the status of the answer.
func (m *monitor) raw(t *testing.T, request string) int {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", m.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // the answer was read
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for header := range resp.Header {
		if strings.HasPrefix(header, "Access-Control-") {
			t.Errorf("%q: there is a header %s", request, header)
		}
	}
	return resp.StatusCode
}

func TestRequestsForAnotherHostAreMisdirected(t *testing.T) {
	m := start(t, "--allowed-hosts", "box.example,box")
	open := start(t, "--allowed-hosts", "*")
	for name, tc := range map[string]struct {
		of      *monitor
		request string
		want    int
	}{
		"another host":                     {m, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
		"another host in the target":       {m, "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
		"an allowed host":                  {m, "GET /metrics HTTP/1.1\r\nHost: BOX.example:80\r\n\r\n", 200},
		"no host, as HTTP/1.0 allows":      {m, "GET /metrics HTTP/1.0\r\n\r\n", 200},
		"an empty host":                    {m, "GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", 200},
		"liveness of another host":         {m, "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200},
		"readiness of another host":        {m, "GET /readyz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200},
		"another host, with no check":      {open, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200},
		"another site's page":              {m, "GET /api/v1/cpu HTTP/1.1\r\nHost: box\r\nOrigin: http://evil.example\r\n\r\n", 403},
		"another site's page, no check":    {open, "GET /api/v1/cpu HTTP/1.1\r\nHost: box\r\nSec-Fetch-Site: cross-site\r\n\r\n", 403},
		"a question what is allowed":       {m, "OPTIONS /api/v1/cpu HTTP/1.1\r\nHost: box\r\nOrigin: http://box\r\nAccess-Control-Request-Method: GET\r\n\r\n", 405},
		"a stream for another site's page": {m, "GET /api/v1/stream HTTP/1.1\r\nHost: box\r\nOrigin: null\r\n\r\n", 403},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.of.raw(t, tc.request); got != tc.want {
				t.Errorf("%q: %d, want %d", tc.request, got, tc.want)
			}
		})
	}
	for _, m := range []*monitor{m, open} {
		m.signal(t, syscall.SIGKILL)
		wantExit(t, m.cmd, m.stderr, -1)
	}
}
