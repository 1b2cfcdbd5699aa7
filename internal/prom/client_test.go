package prom_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
)

// broken servers, each with the outcome that a caller must see.
func TestAServerInTroubleIsATypedOutcome(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server would not see the client leave
		<-r.Context().Done()
	}
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	data := func(kind, result string) http.HandlerFunc {
		return answer(200, fmt.Sprintf(`{"status":"success","data":{"resultType":%q,"result":%s}}`, kind, result))
	}
	sample := `{"metric":{"i":"%d"},"value":[1700000000.5,"%s"]}`
	for name, tc := range map[string]struct {
		serve   http.HandlerFunc
		want    error
		says    string
		asRange bool // a range has the same outcome
	}{
		"a vector of nothing":            {data("vector", `[]`), prom.ErrNoData, "", false},
		"a null vector":                  {data("vector", `null`), prom.ErrUnreachable, "", true},
		"two series":                     {data("vector", "["+fmt.Sprintf(sample, 1, "1")+","+fmt.Sprintf(sample, 2, "1")+"]"), prom.ErrManySeries, `{i="2"}`, false},
		"NaN":                            {data("vector", "["+fmt.Sprintf(sample, 1, "NaN")+"]"), prom.ErrNotFinite, "NaN", false},
		"infinity":                       {data("vector", "["+fmt.Sprintf(sample, 1, "+Inf")+"]"), prom.ErrNotFinite, "+Inf", false},
		"minus infinity as a scalar":     {data("scalar", `[1700000000,"-Inf"]`), prom.ErrNotFinite, "-Inf", false},
		"a native histogram":             {data("vector", `[{"metric":{},"histogram":[1700000000,{"count":"1","sum":"1","buckets":[]}]}]`), prom.ErrBadQuery, "histogram", false},
		"a matrix to an instant":         {data("matrix", `[]`), prom.ErrBadQuery, "instant vector", false},
		"the query is refused":           {answer(400, `{"status":"error","errorType":"bad_data","error":"parse error"}`), prom.ErrBadQuery, "parse error", true},
		"the query cannot be executed":   {answer(422, `{"status":"error","errorType":"execution","error":"many-to-many"}`), prom.ErrBadQuery, "many-to-many", true},
		"nothing is served there":        {answer(404, `404 page not found`), prom.ErrBadQuery, "404", true},
		"credentials are refused":        {answer(401, `no`), prom.ErrBadQuery, "401", true},
		"too many requests":              {answer(429, `slow down`), prom.ErrUnreachable, "status 429 Too Many Requests: slow down", true},
		"given up by the server":         {answer(499, `{"status":"error","errorType":"canceled","error":"query was canceled"}`), prom.ErrUnreachable, "status 499", true},
		"internal error":                 {answer(500, `oops`), prom.ErrUnreachable, "500", true},
		"bad gateway":                    {answer(502, "<html>\nnginx"), prom.ErrUnreachable, "502", true},
		"unavailable":                    {answer(503, `{"status":"error","errorType":"timeout","error":"query timed out"}`), prom.ErrUnreachable, "query timed out", true},
		"not implemented":                {answer(501, ``), prom.ErrUnreachable, "501", true},
		"no JSON":                        {answer(200, `<html>login</html>`), prom.ErrUnreachable, "", true},
		"JSON cut short":                 {answer(200, `{"status":"success","data":{"resultType":"vec`), prom.ErrUnreachable, "", true},
		"JSON of something else":         {answer(200, `{}`), prom.ErrUnreachable, "", true},
		"a value that is not a number":   {data("vector", "["+fmt.Sprintf(sample, 1, "many")+"]"), prom.ErrUnreachable, "", true},
		"an unknown type of result":      {data("tensor", `[]`), prom.ErrUnreachable, "tensor", true},
		"success with a refusing status": {answer(400, `{"status":"success"}`), prom.ErrUnreachable, "", true},
		"no answer in time":              {hang, prom.ErrUnreachable, "no answer within 100ms", true},
		"an answer that stalls": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"status":`)
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}, prom.ErrUnreachable, "no answer within 100ms", true},
		"a connection that breaks": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, prom.ErrUnreachable, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(tc.serve)
			defer srv.Close()
			timeout := time.Minute
			if tc.says == "no answer within 100ms" {
				timeout = 100 * time.Millisecond
			}
			c := newClient(t, prom.Config{URL: srv.URL, Timeout: timeout})
			s, err := c.Instant(t.Context(), `sum(x)`, time.Time{})
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%v, %v, want %q saying %q", s, err, tc.want, tc.says)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Error("a caller could take it for its own deadline")
			}
			if s != (prom.Sample{}) {
				t.Errorf("a sample came with the error: %v", s)
			}
			if !strings.Contains(err.Error(), srv.URL) || !strings.Contains(err.Error(), "sum(x)") {
				t.Errorf("%q names neither server nor query", err)
			}
			if tc.asRange {
				now := time.Now()
				if got, err := c.Range(t.Context(), `x`, prom.Window{Start: now, End: now, Step: time.Second}); !errors.Is(err, tc.want) {
					t.Errorf("as a range: %v, %v", got, err)
				}
			}
		})
	}
}

func newClient(t testing.TB, cfg prom.Config) *prom.Client {
	t.Helper()
	c, err := prom.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestNobodyListens(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c := newClient(t, prom.Config{URL: "http://" + l.Addr().String(), MaxAge: time.Second})
	if _, err := c.Instant(t.Context(), `x`, time.Time{}); !errors.Is(err, prom.ErrUnreachable) || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
}

func TestTheCallersContextIsTheCallersError(t *testing.T) {
	entered := make(chan struct{}, 8)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		entered <- struct{}{}
		<-r.Context().Done()
	}))
	defer srv.Close()
	c := newClient(t, prom.Config{URL: srv.URL, MaxAge: time.Second, Timeout: time.Minute})

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	if _, err := c.Instant(ctx, `x`, time.Time{}); !errors.Is(err, context.Canceled) || errors.Is(err, prom.ErrUnreachable) {
		t.Errorf("cancelled under way: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Range(ctx, `x`, prom.Window{Step: time.Second}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, prom.ErrUnreachable) {
		t.Errorf("the caller's deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := c.Instant(ctx, `x`, time.Time{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func TestCredentialsAreSentAndNeverShown(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok || user != "reader" || password != "hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/prefix/api/v1/") {
			_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"scalar","result":[1700000000.25,"7"]}}`)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer srv.Close()
	secret := strings.Replace(srv.URL, "http://", "http://reader:hunter2@", 1)

	s, err := newClient(t, prom.Config{URL: secret + "/prefix/"}).Instant(t.Context(), `7`, time.Time{})
	if want := (prom.Sample{T: time.UnixMilli(1700000000250).UTC(), V: 7}); err != nil || s != want {
		t.Fatalf("%v, %v, want %v", s, err, want)
	}
	var shown []error
	_, err = newClient(t, prom.Config{URL: secret}).Instant(t.Context(), `7`, time.Time{})
	shown = append(shown, err)
	srv.Close()
	_, err = newClient(t, prom.Config{URL: secret}).Instant(t.Context(), `7`, time.Time{})
	shown = append(shown, err)
	for _, url := range []string{"reader:hunter2@host", "http://reader:hunter2@ho st", "ftp://reader:hunter2@host", "http://reader:hunter2@host:port"} {
		_, err := prom.New(prom.Config{URL: url})
		shown = append(shown, err)
	}
	for _, err := range shown {
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "reader") {
			t.Errorf("%v", err)
		}
	}
}

func TestARedirectElsewhereGetsNoCredentials(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials went to another host")
		}
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}`)
	}))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL+"/api/v1/query", http.StatusTemporaryRedirect))
	defer srv.Close()
	c := newClient(t, prom.Config{URL: strings.Replace(srv.URL, "http://", "http://reader:hunter2@", 1)})
	if s, err := c.Instant(t.Context(), `7`, time.Time{}); err != nil || s.V != 7 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for _, cfg := range []prom.Config{
		{},
		{URL: "localhost:9090"},
		{URL: "/api"},
		{URL: "http://"},
		{URL: "http://a", Timeout: -1},
		{URL: "http://a", MaxAge: -1},
	} {
		if _, err := prom.New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

func TestAWindowMustBeOne(t *testing.T) {
	c := newClient(t, prom.Config{URL: "http://127.0.0.1:1"})
	now := time.Now()
	for _, w := range []prom.Window{{Start: now, End: now}, {Start: now, End: now.Add(-1), Step: 1}, {Start: now, End: now, Step: -1}} {
		if _, err := c.Range(t.Context(), `x`, w); !errors.Is(err, prom.ErrBadQuery) {
			t.Errorf("%+v: %v", w, err)
		}
	}
}
