package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cluster"
	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/experiment"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/prom"
)

// clusterSetup is what all runs on a cluster have in common.
type clusterSetup struct {
	cluster    *cluster.Cluster
	prometheus cluster.Prometheus
	evaluation time.Duration
	scrape     time.Duration // of the slowest job that an SLO reads
	client     *prom.Client  // for what is asked of samples of any age
	answers    *prom.Shared  // of questions that several runs ask at the same instant
	delivery   engine.Delivery
	pager      *prom.Alertmanager // nil where none is asked
	facts      result.ClusterInfo
}

// reach finds Prometheus and opens the cluster, once. Prometheus is not asked yet: a user
// without rights has to learn of all that are missing.
func (s *clusterSite) reach(ctx context.Context) (*clusterSetup, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reached != nil {
		return s.reached, nil
	}
	setup := clusterSetup{answers: &prom.Shared{}}
	var err error
	if setup.prometheus, err = s.findPrometheus(ctx); err != nil {
		return nil, err
	}
	if setup.client, err = setup.ask(0); err != nil {
		return nil, err
	}
	setup.cluster = cluster.Open(s.conn, cluster.Config{
		Namespace: s.flags.namespace, SystemNamespace: s.flags.systemNamespace, Querier: setup.client, Logger: s.log,
	})
	s.reached = &setup
	return s.reached, nil
}

// setUp asks Prometheus for its clocks and looks for the load, once.
func (s *clusterSite) setUp(ctx context.Context, setup *clusterSetup) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return nil
	}
	if err := setup.readClocks(ctx, s.cat); err != nil {
		return err
	}
	if !s.flags.noLoad {
		if err := setup.cluster.CheckLoad(ctx, cmp.Or(s.flags.loadNamespace, s.flags.namespace)); err != nil {
			return err
		}
	}
	setup.delivery, setup.pager = s.flags.findDelivery(ctx, setup.client, s.conn.FindAlertmanager)
	if !s.plans {
		setup.facts = s.facts(ctx, setup)
	}
	s.ready = true
	s.log.Info("the cluster is ready", "context", s.conn.Name, "prometheus", setup.prometheus.URL, "scrape", setup.scrape, "evaluation", setup.evaluation)
	return nil
}

func (s *clusterSite) findPrometheus(ctx context.Context) (cluster.Prometheus, error) {
	if s.flags.prometheusURL == "" {
		return s.conn.FindPrometheus(ctx, s.flags.prometheusNamespace)
	}
	if s.auth == nil {
		return cluster.Prometheus{URL: s.flags.prometheusURL}, nil
	}
	return s.auth.server(ctx, s.flags.prometheusURL, s.flags.prometheusHTTP)
}

// ask returns a client whose answers are no older than maxAge; 0 takes any.
func (c *clusterSetup) ask(maxAge time.Duration) (*prom.Client, error) {
	return prom.New(prom.Config{URL: c.prometheus.URL, RoundTripper: keepOpen{c.prometheus.RoundTripper}.orNil(), Timeout: promTimeout, MaxAge: maxAge, Shared: c.answers})
}

// keepOpen keeps a client from closing the connections of a transport that others use.
type keepOpen struct{ http.RoundTripper }

func (k keepOpen) orNil() http.RoundTripper {
	if k.RoundTripper == nil {
		return nil
	}
	return k
}

// defaultInterval is Prometheus' own, for what cannot be measured.
const defaultInterval = time.Minute

// readClocks measures how often Prometheus scrapes what the SLOs read, and how often it
// evaluates the rules.
func (c *clusterSetup) readClocks(ctx context.Context, cat catalogue) error {
	var exprs []string
	for _, o := range cat.slos.All() {
		exprs = append(exprs, o.Sources()...)
	}
	var err error
	if c.scrape, err = c.interval(ctx, exprs); err != nil {
		return err
	}
	c.evaluation, err = c.evaluated(ctx, cat)
	return err
}

// scrapeOf is the slowest scrape among the jobs that an experiment reads.
func (c *clusterSetup) scrapeOf(ctx context.Context, x experiment.Experiment) (time.Duration, error) {
	var exprs []string
	for _, a := range x.SLOs {
		if a.SLO != nil {
			exprs = append(exprs, a.SLO.Sources()...)
		} else {
			exprs = append(exprs, experiment.ExpandWindow(a.PromQL, time.Minute))
		}
	}
	return c.interval(ctx, exprs)
}

func (c *clusterSetup) interval(ctx context.Context, exprs []string) (time.Duration, error) {
	var jobs []string
	for _, e := range exprs {
		some, _, err := prom.Jobs(e)
		if err != nil {
			return 0, err
		}
		jobs = append(jobs, some...)
	}
	slices.Sort(jobs)
	jobs = slices.Compact(jobs)
	selector := "up"
	if len(jobs) > 0 {
		selector = fmt.Sprintf("up{job=~%q}", strings.Join(jobs, "|"))
	}
	d, err := c.client.Interval(ctx, selector)
	if err != nil {
		return 0, fmt.Errorf("how often Prometheus scrapes: %w", err)
	}
	return d, nil
}

// evaluated is the slowest interval of the groups that have alerts and that the rule
// files give no interval of their own: theirs is known, and predictions count with it.
func (c *clusterSetup) evaluated(ctx context.Context, cat catalogue) (time.Duration, error) {
	own := map[string]bool{}
	var names []string
	for _, m := range cat.alerts {
		if m.Interval > 0 && !own[m.Group] {
			own[m.Group] = true
			names = append(names, regexp.QuoteMeta(m.Group))
		}
	}
	groups, err := c.client.Rules(ctx)
	if errors.Is(err, prom.ErrNoRulesAPI) {
		d, err := c.client.Interval(ctx, fmt.Sprintf("%s{%s!~%q}", prom.Heartbeat, prom.GroupLabel, strings.Join(names, "|")))
		if errors.Is(err, prom.ErrNoData) {
			return defaultInterval, nil // what is expected of its rules is asked for later
		}
		return d, err
	}
	if err != nil {
		return 0, err
	}
	var slowest time.Duration
	for _, g := range groups {
		if !own[g.Name] && slices.ContainsFunc(g.Rules, func(r prom.Rule) bool { return r.Alert }) {
			slowest = max(slowest, g.Interval)
		}
	}
	if slowest == 0 {
		return c.scrape, nil // no alert is evaluated: nothing depends on it
	}
	return slowest, nil
}
