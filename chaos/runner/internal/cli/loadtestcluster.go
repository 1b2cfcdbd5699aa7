package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/chaos/runner/internal/ramp"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/slo"
)

// clusterRamp sends from a pod on a cluster, whose load generator watches as ever.
type clusterRamp struct {
	counter
	conn *cluster.Connection
	pod  cluster.LoadPod
	pods string // namespace of the service
}

func openClusterRamp(ctx context.Context, common *commonFlags, flags *loadTestFlags, cat catalogue, slos []slo.SLO, log *slog.Logger) (_ *rampSite, err error) {
	site, err := newClusterSite(common, &runFlags{plans: true}, cat, log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			site.close()
		}
	}()
	setup, err := site.reach(ctx)
	if err != nil {
		return nil, err
	}
	var sources []string
	for _, o := range slos {
		sources = append(sources, o.Sources()...)
	}
	scrape, err := setup.interval(ctx, sources)
	if err != nil {
		return nil, err
	}
	if least := 4 * scrape; flags.plan.Hold < least {
		return nil, usageError{fmt.Errorf("--hold %s: Prometheus scrapes every %s, and a step takes at least %s", flags.plan.Hold, scrape, least)}
	}
	client, err := setup.ask(3 * scrape)
	if err != nil {
		return nil, err
	}
	r := &clusterRamp{
		counter: newCounter(client, slos, scrape), conn: site.conn, pods: common.namespace,
		pod: cluster.LoadPod{Namespace: cmp.Or(common.loadNamespace, common.namespace), URL: flags.url},
	}
	return &rampSite{
		Site: r, url: cmp.Or(flags.url, "what the load generator asks for"),
		notes: []string{
			fmt.Sprintf("The cluster is that of context %s. The load came from a pod of its own; the SLOs are what the platform's load generator saw beside it, of its own requests.", site.conn.Name),
			"Replicas are those of all Deployments in namespace " + common.namespace + ", without the load generator.",
		},
		close: func(context.Context) error {
			client.Close()
			site.close()
			return nil
		},
	}, nil
}

// Hold implements ramp.Site. What the load saw while it settled is in its figures, too.
func (r *clusterRamp) Hold(ctx context.Context, rate float64, settle, hold time.Duration) (ramp.Watched, error) {
	l := r.pod
	l.Rate, l.Duration = rate, settle+hold
	sent, err := r.conn.SendLoad(ctx, l)
	if err != nil {
		return ramp.Watched{}, err
	}
	from := sent.Began.Add(settle)
	return ramp.Watched{From: from, To: from.Add(hold), Client: ramp.Client{
		Success: sent.Success, Errors: sent.Errors, P50: result.InSeconds(sent.P50), P99: result.InSeconds(sent.P99), LagP99: result.InSeconds(sent.LagP99),
	}}, nil
}

// Replicas implements ramp.Site.
func (r *clusterRamp) Replicas(ctx context.Context) (ramp.Replicas, error) {
	ready, wanted, err := r.conn.ReadyPods(ctx, r.pods)
	return ramp.Replicas{Ready: ready, Wanted: wanted}, err
}
