package prom

import (
	"errors"
	"testing"
)

func TestAServerSaysItsVersion(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   string
		err    error
	}{
		"it says it":                 {200, `{"status":"success","data":{"version":"3.5.0","revision":"r"}}`, "3.5.0", nil},
		"it has no such API":         {404, "404 page not found", "", ErrNoRulesAPI},
		"it is in trouble":           {503, "", "", ErrUnreachable},
		"an answer that is not JSON": {200, "<html>", "", ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "/api/v1/status/buildinfo", tc.status, tc.body).Version(t.Context())
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
