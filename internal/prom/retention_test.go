package prom

import (
	"errors"
	"testing"
	"time"
)

func TestAServerSaysHowLongItKeepsSamples(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   time.Duration
		err    error
		fails  bool
	}{
		"a time":                     {status: 200, body: `{"status":"success","data":{"storageRetention":"3d"}}`, want: 72 * time.Hour},
		"a time or a size":           {status: 200, body: `{"status":"success","data":{"storageRetention":"15d or 5GiB"}}`, want: 15 * 24 * time.Hour},
		"a size only":                {status: 200, body: `{"status":"success","data":{"storageRetention":"5GiB"}}`},
		"nothing":                    {status: 200, body: `{"status":"success","data":{}}`},
		"words that are neither":     {status: 200, body: `{"status":"success","data":{"storageRetention":"forever"}}`, fails: true},
		"it has no such API":         {status: 404, body: "404 page not found", err: ErrNoRulesAPI, fails: true},
		"it is in trouble":           {status: 503, err: ErrUnreachable, fails: true},
		"an answer that is not JSON": {status: 200, body: "<html>", err: ErrUnreachable, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "/api/v1/status/runtimeinfo", tc.status, tc.body).Retention(t.Context())
			if got != tc.want || (err != nil) != tc.fails || tc.err != nil && !errors.Is(err, tc.err) {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}
