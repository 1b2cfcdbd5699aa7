package rules

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"
)

// route is a node of Alertmanager's tree of routes.
type route struct {
	Receiver string            `yaml:"receiver"` // empty: its parent's
	Matchers []string          `yaml:"matchers"`
	Match    map[string]string `yaml:"match"`
	MatchRE  map[string]string `yaml:"match_re"`
	Continue bool              `yaml:"continue"`
	Routes   []route           `yaml:"routes"`
}

// reach returns the receivers that may get an alert with these labels, of which there may
// be more when it fires: those of its series. inherited is the receiver of the route above.
func (r route) reach(inherited string, alert map[string]string) ([]string, error) {
	receiver := r.Receiver
	if receiver == "" {
		receiver = inherited
	}
	var reached []string
	for _, child := range r.Routes {
		matches, sure, err := child.matches(alert)
		if err != nil {
			return nil, err
		}
		if !matches {
			continue
		}
		below, err := child.reach(receiver, alert)
		if err != nil {
			return nil, err
		}
		reached = append(reached, below...)
		if sure && !child.Continue {
			return reached, nil
		}
	}
	return append(reached, receiver), nil
}

// matches says whether the route may take an alert with these labels, and whether that is
// sure: what a matcher wants of a label that only series have is not known here.
func (r route) matches(alert map[string]string) (may, sure bool, err error) {
	var all labels.Matchers
	for _, text := range r.Matchers {
		// Both syntaxes of Alertmanager, in the order in which it tries them.
		some, err := parse.Matchers(text)
		if err != nil {
			some, err = labels.ParseMatchers(text)
		}
		if err != nil {
			return false, false, fmt.Errorf("matcher %s: %w", text, err)
		}
		all = append(all, some...)
	}
	for kind, old := range map[labels.MatchType]map[string]string{labels.MatchEqual: r.Match, labels.MatchRegexp: r.MatchRE} {
		for _, name := range slices.Sorted(maps.Keys(old)) {
			m, err := labels.NewMatcher(kind, name, old[name])
			if err != nil {
				return false, false, fmt.Errorf("matcher of %s: %w", name, err)
			}
			all = append(all, m)
		}
	}
	sure = true
	for _, m := range all {
		value, known := alert[m.Name]
		switch {
		case !known:
			sure = false
		case !m.Matches(value):
			return false, false, nil
		}
	}
	return true, sure, nil
}

// Routes are those of a configuration of Alertmanager.
type Routes struct{ of alertmanager }

// ReadRoutes reads a configuration of Alertmanager.
func ReadRoutes(file string) (Routes, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Routes{}, fmt.Errorf("read the configuration of Alertmanager: %w", err)
	}
	r := Routes{alertmanager{file: file}}
	if err := yaml.Unmarshal(content, &r.of); err != nil {
		return Routes{}, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Take says whether somebody may get an alert with these labels, alertname among them. The
// error is of a route whose matchers cannot be read.
func (r Routes) Take(alert map[string]string) (bool, error) { return r.of.takes(alert) }

// takes is false for an alert that nobody gets: it ends at the receiver of the topmost
// route, which sends nothing and which no other route has chosen.
func (a alertmanager) takes(alert map[string]string) (bool, error) {
	top := a.Route
	if top == nil || top.chooses(top.Receiver) || a.sends(top.Receiver) {
		return true, nil
	}
	receivers, err := top.reach("", alert)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(receivers, func(name string) bool { return name != top.Receiver }), nil
}

// routed finds an alert that nobody gets.
func (l *linter) routed(file, field string, r rulefmt.Rule) {
	alert := maps.Clone(r.Labels)
	if alert == nil {
		alert = map[string]string{}
	}
	alert["alertname"] = r.Alert
	taken, err := l.alertmanager.takes(alert)
	switch {
	case err != nil:
		l.problem(l.alertmanager.file, 0, "route", "%v", err)
	case !taken:
		l.problem(file, 0, field, "no route of %s takes an alert with severity %q, so that nobody gets it; add a route, or change its labels", l.alertmanager.file, r.Labels[LabelSeverity])
	}
}

// chooses says whether a route below this one names the receiver.
func (r route) chooses(receiver string) bool {
	return slices.ContainsFunc(r.Routes, func(child route) bool { return child.Receiver == receiver || child.chooses(receiver) })
}

// sends says whether the receiver has something to send to, such as a webhook.
func (a alertmanager) sends(receiver string) bool {
	return slices.ContainsFunc(a.Receivers, func(r map[string]any) bool { return r["name"] == receiver && len(r) > 1 })
}
