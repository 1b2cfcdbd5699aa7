package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/internal/prom"
)

// sending is a Prometheus that sends alerts to these URLs.
type sending struct {
	to  []string
	err error
}

func (s sending) Alertmanagers(context.Context) ([]string, error) { return s.to, s.err }

func TestTheAlertmanagerOfAPrometheusIsFound(t *testing.T) {
	one := sending{to: []string{"http://10.0.0.7:9093/am/api/v2/alerts"}}
	for name, tc := range map[string]struct {
		flags               clusterNamed
		prometheus          sending
		service             error
		from, none, trouble string
	}{
		"by its Service":                      {prometheus: one, from: "http://proxied"},
		"without a Service":                   {prometheus: one, service: errors.New("give --alertmanager-url"), trouble: "give --alertmanager-url"},
		"by where another Prometheus sends":   {flags: clusterNamed{prometheusURL: "http://there"}, prometheus: one, from: "http://10.0.0.7:9093/am"},
		"by its flag":                         {flags: clusterNamed{alertmanagerURL: "http://user:secret@pager"}, from: "http://xxxxx@pager"},
		"nobody is to be asked":               {flags: clusterNamed{alertmanagerURL: "none"}, prometheus: one, none: "--alertmanager-url is none"},
		"Prometheus sends nowhere":            {none: "to no Alertmanager"},
		"Prometheus does not say where":       {prometheus: sending{err: fmt.Errorf("status 404: %w", prom.ErrNoRulesAPI)}, none: "does not say where it sends alerts"},
		"Prometheus does not answer":          {prometheus: sending{err: prom.ErrUnreachable}, trouble: "unreachable"},
		"a URL that Prometheus has, but none": {flags: clusterNamed{prometheusURL: "http://there"}, prometheus: sending{to: []string{"pager"}}, trouble: "absolute"},
	} {
		t.Run(name, func(t *testing.T) {
			d, client := tc.flags.findDelivery(t.Context(), tc.prometheus, func(context.Context, string) (cluster.Prometheus, error) {
				return cluster.Prometheus{URL: "http://proxied"}, tc.service
			})
			if client != nil {
				client.Close()
			}
			trouble := ""
			if d.Trouble != nil {
				trouble = d.Trouble.Error()
			}
			if d.From != tc.from && !(strings.Contains(tc.from, "xxxxx") && !strings.Contains(d.From, "secret")) ||
				!strings.Contains(d.None, tc.none) || (d.None == "") != (tc.none == "") ||
				!strings.Contains(trouble, tc.trouble) || (trouble == "") != (tc.trouble == "") {
				t.Errorf("from %q, none %q, trouble %q", d.From, d.None, trouble)
			}
			if (d.Notices != nil) != (tc.from != "") {
				t.Error("it is asked, or not, against what is said")
			}
		})
	}
}
