package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// noAlertmanager as --alertmanager-url asks nobody.
const noAlertmanager = "none"

// alertmanagerAPI is what Prometheus appends to the URL of an Alertmanager.
const alertmanagerAPI = "/api/v2/alerts"

// senders is a Prometheus that knows where it sends alerts.
type senders interface {
	Alertmanagers(ctx context.Context) ([]string, error)
}

// findDelivery finds the Alertmanager of a Prometheus: the one named, else the Service of
// the observability chart, and for a Prometheus that is elsewhere the first to which it
// sends. The client is nil where nobody is asked.
func (c *clusterNamed) findDelivery(ctx context.Context, p senders, service func(context.Context, string) (cluster.Prometheus, error)) (engine.Delivery, *prom.Alertmanager) {
	switch c.alertmanagerURL {
	case "":
	case noAlertmanager:
		return engine.Delivery{None: "--alertmanager-url is " + noAlertmanager}, nil
	default:
		return asking(cluster.Prometheus{URL: c.alertmanagerURL})
	}
	sends, err := p.Alertmanagers(ctx)
	switch {
	case errors.Is(err, prom.ErrNoRulesAPI):
		return engine.Delivery{None: "Prometheus does not say where it sends alerts; name the Alertmanager with --alertmanager-url"}, nil
	case err != nil:
		return engine.Delivery{Trouble: err}, nil
	case len(sends) == 0:
		return engine.Delivery{None: "Prometheus sends alerts to no Alertmanager"}, nil
	case c.prometheusURL != "":
		return asking(cluster.Prometheus{URL: strings.TrimSuffix(sends[0], alertmanagerAPI)})
	}
	at, err := service(ctx, c.prometheusNamespace)
	if err != nil {
		return engine.Delivery{Trouble: err}, nil
	}
	return asking(at)
}

func asking(at cluster.Prometheus) (engine.Delivery, *prom.Alertmanager) {
	client, err := prom.NewAlertmanager(prom.Config{URL: at.URL, RoundTripper: keepOpen{at.RoundTripper}.orNil(), Timeout: promTimeout})
	if err != nil {
		return engine.Delivery{Trouble: err}, nil
	}
	return engine.Delivery{From: result.Redact(at.URL), Notices: client.Notices}, client
}
