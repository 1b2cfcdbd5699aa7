// Package ruletest makes the tests of an SLO's generated rules: input series, and which
// alerts fire and what is recorded with them, in the format of promtool.
//
// What is expected is computed from the input series by arithmetic, after what
// docs/reference/rules.md says that rules do. No expression of a rule is read or
// evaluated for it, so that a mistake in one is not repeated in its test. From the rules
// come the names, labels and texts alone.
//
// Where a query of a document is measured, what it gives for a test's series is asked of
// PromQL: nothing else can say it, and it is not a rule. What rules make of it is computed.
package ruletest

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/ballast-sre/ballast/internal/slo"
)

// File is a file of promtool's rule tests.
type File struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	GroupEvalOrder     []string       `yaml:"group_eval_order"`
	FuzzyCompare       bool           `yaml:"fuzzy_compare"`
	Tests              []Test         `yaml:"tests"`
}

// Test is a test of such a file.
type Test struct {
	Name     string         `yaml:"name"`
	Interval model.Duration `yaml:"interval"` // between samples
	Series   []Series       `yaml:"input_series"`
	Alerts   []AlertCheck   `yaml:"alert_rule_test,omitempty"`
	Samples  []SampleCheck  `yaml:"promql_expr_test,omitempty"`
}

// Series is an input series in promtool's notation. Its first sample is at time 0.
type Series struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

// AlertCheck lists all alerts of a name that fire at a time; none is a check, too.
type AlertCheck struct {
	At     model.Duration `yaml:"eval_time"`
	Name   string         `yaml:"alertname"`
	Firing []Alert        `yaml:"exp_alerts,omitempty"`
}

// Alert is one that fires, without the label alertname.
type Alert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// SampleCheck lists all samples of an expression at a time.
type SampleCheck struct {
	Expr    string         `yaml:"expr"`
	At      model.Duration `yaml:"eval_time"`
	Samples []Sample       `yaml:"exp_samples,omitempty"`
}

// Sample is one sample; its labels are in PromQL's notation.
type Sample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// Case is a test with the times at which its rules are evaluated.
type Case struct {
	Test
	Every time.Duration // between evaluations
	// Evaluations are the times since the first sample, in ascending order. Empty
	// stands for all of them, as promtool evaluates.
	Evaluations []time.Duration
}

// most is how many evaluations a test of a file has at most: promtool evaluates every
// rule at every interval from the first sample on, and takes a second for 200 to 300.
const most = 400

// minute is the interval of samples and evaluations in a file, where time is not judged.
const minute = time.Minute

// ErrNoSeries is the error where no series can be thought of that a selector selects.
var ErrNoSeries = errors.New("no series can be thought of for its rule tests")

// Make makes the test file of an SLO from its document and its rules, which lie in
// ruleFile as seen from the test. The result is the same for the same arguments. It is
// ErrNoSeries where no series can be thought of that a selector of the document selects.
func Make(s slo.SLO, groups []rulefmt.RuleGroup, ruleFile string) ([]byte, error) {
	m, err := newMaker(s, groups)
	if err != nil {
		return nil, err
	}
	cases, err := m.build(true)
	if err != nil {
		return nil, err
	}
	file := File{RuleFiles: []string{ruleFile}, EvaluationInterval: model.Duration(m.step()), FuzzyCompare: true}
	for _, g := range groups {
		file.GroupEvalOrder = append(file.GroupEvalOrder, g.Name)
	}
	for _, c := range cases {
		file.Tests = append(file.Tests, c.Test)
	}
	content, err := encode(file)
	if err != nil {
		return nil, fmt.Errorf("encode the rule tests of %s: %w", s.Name, err)
	}
	return content, nil
}
