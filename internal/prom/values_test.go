package prom

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestValuesOfALabelAreThoseOfTheSelectorsSeries(t *testing.T) {
	from := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for name, tc := range map[string]struct {
		status int
		body   string
		want   []string
		err    error
	}{
		"several":                      {200, `{"status":"success","data":["a","b"]}`, []string{"a", "b"}, nil},
		"none":                         {200, `{"status":"success","data":[]}`, []string{}, nil},
		"the selector does not parse":  {400, `{"status":"error","errorType":"bad_data","error":"parse error"}`, nil, ErrBadQuery},
		"a server in trouble":          {503, "", nil, ErrUnreachable},
		"an answer that is not JSON":   {200, "<html>", nil, ErrUnreachable},
		"an answer of another program": {200, `{"status":"success","data":{"a":1}}`, nil, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, "/api/v1/label/pod/values", tc.status, tc.body).Values(t.Context(), "pod", `up{job="a"}`, from, from.Add(time.Hour))
			if !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("want − and got +:\n%s", diff)
			}
		})
	}
}
