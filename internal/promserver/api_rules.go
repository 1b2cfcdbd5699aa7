package promserver

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/util/annotations"
)

type groupJSON struct {
	Name           string    `json:"name"`
	File           string    `json:"file"`
	Rules          []any     `json:"rules"`
	Interval       float64   `json:"interval"`
	Limit          int       `json:"limit"`
	EvaluationTime float64   `json:"evaluationTime"`
	LastEvaluation time.Time `json:"lastEvaluation"`
}

type ruleJSON struct {
	Name           string           `json:"name"`
	Query          string           `json:"query"`
	Labels         labels.Labels    `json:"labels"`
	Health         rules.RuleHealth `json:"health"`
	LastError      string           `json:"lastError,omitempty"`
	EvaluationTime float64          `json:"evaluationTime"`
	LastEvaluation time.Time        `json:"lastEvaluation"`
	Type           string           `json:"type"`
}

type alertRuleJSON struct {
	State         string        `json:"state"`
	Duration      float64       `json:"duration"`
	KeepFiringFor float64       `json:"keepFiringFor"`
	Annotations   labels.Labels `json:"annotations"`
	Alerts        []alertJSON   `json:"alerts"`
	ruleJSON
}

type alertJSON struct {
	Labels          labels.Labels `json:"labels"`
	Annotations     labels.Labels `json:"annotations"`
	State           string        `json:"state"`
	ActiveAt        time.Time     `json:"activeAt"`
	KeepFiringSince *time.Time    `json:"keepFiringSince,omitempty"`
	Value           string        `json:"value"`
}

func (a *api) ruleGroups(r *http.Request) (any, annotations.Annotations, error) {
	wanted := r.FormValue("type") // alert, record, or both
	groups := []groupJSON{}
	for _, g := range a.rules.RuleGroups() {
		out := groupJSON{
			Name:           g.Name(),
			File:           g.File(),
			Rules:          []any{},
			Interval:       g.Interval().Seconds(),
			Limit:          g.Limit(),
			EvaluationTime: g.GetEvaluationTime().Seconds(),
			LastEvaluation: g.GetLastEvaluation(),
		}
		for _, rule := range g.Rules() {
			common := ruleJSON{
				Name:           rule.Name(),
				Query:          rule.Query().String(),
				Labels:         rule.Labels(),
				Health:         rule.Health(),
				EvaluationTime: rule.GetEvaluationDuration().Seconds(),
				LastEvaluation: rule.GetEvaluationTimestamp(),
			}
			if err := rule.LastError(); err != nil {
				common.LastError = err.Error()
			}
			switch rule := rule.(type) {
			case *rules.AlertingRule:
				if wanted == "record" {
					continue
				}
				common.Type = "alerting"
				out.Rules = append(out.Rules, alertRuleJSON{
					State:         rule.State().String(),
					Duration:      rule.HoldDuration().Seconds(),
					KeepFiringFor: rule.KeepFiringFor().Seconds(),
					Annotations:   rule.Annotations(),
					Alerts:        activeAlerts(rule),
					ruleJSON:      common,
				})
			default:
				if wanted == "alert" {
					continue
				}
				common.Type = "recording"
				out.Rules = append(out.Rules, common)
			}
		}
		groups = append(groups, out)
	}
	return map[string]any{"groups": groups}, nil, nil
}

func (a *api) alerts(*http.Request) (any, annotations.Annotations, error) {
	alerts := []alertJSON{}
	for _, rule := range a.rules.AlertingRules() {
		alerts = append(alerts, activeAlerts(rule)...)
	}
	return map[string]any{"alerts": alerts}, nil, nil
}

func activeAlerts(rule *rules.AlertingRule) []alertJSON {
	out := []alertJSON{}
	for _, alert := range rule.ActiveAlerts() {
		one := alertJSON{
			Labels:      alert.Labels,
			Annotations: alert.Annotations,
			State:       alert.State.String(),
			ActiveAt:    alert.ActiveAt,
			Value:       strconv.FormatFloat(alert.Value, 'e', -1, 64),
		}
		if !alert.KeepFiringSince.IsZero() {
			one.KeepFiringSince = &alert.KeepFiringSince
		}
		out = append(out, one)
	}
	return out
}
