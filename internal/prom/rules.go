package prom

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Heartbeat is the series that every generated group of alerts records last: the time of
// its evaluation in seconds, labelled with GroupLabel. By it a server without rules API
// shows that it evaluates the group.
const (
	Heartbeat  = "ballast_slo:evaluated:timestamp"
	GroupLabel = "rule_group"
)

// ErrNoRulesAPI is returned by Rules, Alertmanagers and Version when the server answers
// queries and nothing else, as stores without a rule engine do.
var ErrNoRulesAPI = errors.New("the server has no rules API")

// RuleGroup is one group of rules that the server has loaded.
type RuleGroup struct {
	Name     string
	Interval time.Duration
	Rules    []Rule
}

// Rule is one rule with the outcome of its last evaluation.
type Rule struct {
	Name   string // of the alert, or of the recorded series
	Alert  bool
	Labels map[string]string // the rule's own
	// LastEvaluation is zero when the rule was not evaluated yet.
	LastEvaluation time.Time
	// Error of the last evaluation; empty when it was evaluated well.
	Error string
}

// Rules returns every group that the server has loaded. It blocks for at most the
// client's timeout. The error wraps ErrNoRulesAPI or ErrUnreachable.
func (c *Client) Rules(ctx context.Context) ([]RuleGroup, error) {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.api.Rules(call, nil)
	if err != nil {
		return nil, c.explain(ctx, "rules", noRules(err))
	}
	out := make([]RuleGroup, 0, len(answer.Groups))
	for _, g := range answer.Groups {
		group := RuleGroup{Name: g.Name, Interval: time.Duration(g.Interval * float64(time.Second))}
		for _, r := range g.Rules {
			switch r := r.(type) {
			case v1.AlertingRule:
				group.Rules = append(group.Rules, Rule{Name: r.Name, Alert: true, Labels: labelsOf(r.Labels), LastEvaluation: r.LastEvaluation, Error: r.LastError})
			case v1.RecordingRule:
				group.Rules = append(group.Rules, Rule{Name: r.Name, Labels: labelsOf(r.Labels), LastEvaluation: r.LastEvaluation, Error: r.LastError})
			}
		}
		out = append(out, group)
	}
	return out, nil
}

// Heartbeats returns how long ago each group recorded its heartbeat, by the server's
// clock. Groups that recorded none within the last hour are left out. It blocks for at
// most the client's timeout.
func (c *Client) Heartbeats(ctx context.Context) (map[string]time.Duration, error) {
	const expr = "time() - max by (" + GroupLabel + ") (max_over_time(" + Heartbeat + "[1h]))"
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	value, _, err := c.api.Query(call, expr, time.Time{})
	if err != nil {
		return nil, c.explain(ctx, expr, err)
	}
	answer, ok := value.(model.Vector)
	if !ok {
		return nil, c.explain(ctx, expr, fmt.Errorf("the answer is a %T", value))
	}
	ages := make(map[string]time.Duration, len(answer))
	for _, s := range answer {
		if group := string(s.Metric[GroupLabel]); group != "" {
			ages[group] = time.Duration(float64(s.Value) * float64(time.Second))
		}
	}
	return ages, nil
}

// noRules finds the errors that say that the path is not known.
func noRules(err error) error {
	var (
		refused *v1.Error
		trouble *troubleError
	)
	switch {
	case errors.As(err, &trouble) && trouble.status == http.StatusNotImplemented,
		errors.As(err, &refused) && refused.Type == v1.ErrClient:
		return fmt.Errorf("%w: %w", ErrNoRulesAPI, err)
	}
	return err
}

func labelsOf(ls model.LabelSet) map[string]string {
	out := make(map[string]string, len(ls))
	for k, v := range ls {
		out[string(k)] = string(v)
	}
	return out
}
