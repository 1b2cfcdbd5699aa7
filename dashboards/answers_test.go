package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// maxValues is how many values of a variable are tried.
const maxValues = 20

// answers are what panels show, by their keys.
type answers map[string]*picture

// of is the picture of a panel, which is empty at first.
func (a answers) of(d lint.Dashboard, p lint.Panel) *picture {
	key := d.Key(p)
	if a[key] == nil {
		a[key] = &picture{
			panel: p, texts: make([]string, len(p.Targets)), labels: map[string]bool{}, colours: map[string]string{},
			odd: map[string]bool{}, unchosen: map[string]bool{},
		}
	}
	return a[key]
}

// ask runs every query of every panel against a real Prometheus that has evaluated the
// repository's rules over the history of a world, and hands both to look.
func ask(t *testing.T, w world, programs []program, boards []lint.Dashboard, look func(t *testing.T, c *prom.Client, got answers)) {
	t.Helper()
	rules, err := filepath.Glob(filepath.Join("..", "alerts", "rules", "prometheus", "*.yaml"))
	if err != nil || len(rules) == 0 {
		t.Fatalf("%d rule files: %v", len(rules), err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := promserver.Open(promserver.Config{Dir: t.TempDir(), RuleFiles: rules, Evaluation: 2 * time.Minute, History: history(t, w, programs, time.Now())})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		c, err := prom.New(prom.Config{URL: "http://embedded", Timeout: time.Hour, RoundTripper: promserver.Transport(s.Handler())})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		time.Sleep(watched - time.Second)
		synctest.Wait()
		got := answers{}
		for _, d := range boards {
			r := reader{c, d, time.Now()}
			if err := r.read(t.Context(), got); err != nil {
				t.Fatal(err)
			}
		}
		look(t, c, got)
	})
}

// reader looks at a dashboard as somebody does at a time.
type reader struct {
	*prom.Client
	lint.Dashboard
	now time.Time
}

// read asks with every value of every variable, one after another: the others are All.
func (r reader) read(ctx context.Context, got answers) error {
	defaults, choices, err := r.choices(ctx)
	if err != nil {
		return err
	}
	for _, values := range choices {
		for _, p := range r.Panels {
			if p.Type == "row" {
				continue
			}
			for _, of := range r.repeated(p, values, choices) {
				shown := shown{}
				for i, target := range p.Targets {
					series, err := r.answer(ctx, target, merged(defaults, of))
					if err == nil {
						err = got.of(r.Dashboard, p).add(i, series, shown)
					}
					if err != nil {
						return fmt.Errorf("%s, %s: %w", r.Title, p.Title, err)
					}
					got.of(r.Dashboard, p).narrowed(r.labelled(of), series)
				}
			}
		}
	}
	return nil
}

// choices are the variables' first choices, and all that the reader can choose otherwise.
func (r reader) choices(ctx context.Context) (defaults map[string]string, all []map[string]string, err error) {
	defaults, all = map[string]string{}, []map[string]string{{}}
	for _, v := range r.Templating.List {
		selector, label, ok := v.Values()
		if !ok {
			continue
		}
		values, err := r.values(ctx, lint.Substitute(selector, defaults), label)
		if err != nil {
			return nil, nil, err
		}
		if len(values) > maxValues {
			return nil, nil, fmt.Errorf("%s: variable %s has %d values, and at most %d are tried", r.Title, v.Name, len(values), maxValues)
		}
		switch {
		case v.IncludeAll:
			defaults[v.Name] = v.AllValue
		case len(values) == 0:
			return nil, nil, fmt.Errorf("%s: variable %s has no value", r.Title, v.Name)
		default:
			defaults[v.Name] = values[0]
		}
		for _, value := range values {
			all = append(all, map[string]string{v.Name: value})
		}
	}
	return defaults, all, nil
}

func (r reader) values(ctx context.Context, selector, label string) ([]string, error) {
	series, err := r.Range(ctx, fmt.Sprintf("group by (%s) (last_over_time(%s[1h]))", label, braced(selector)), prom.Window{Start: r.now, End: r.now, Step: time.Second})
	if err != nil {
		return nil, err
	}
	var values []string
	for _, s := range series {
		if v := s.Labels[label]; v != "" {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return values, nil
}

func braced(selector string) string {
	if strings.Contains(selector, "{") {
		return selector
	}
	return selector + "{}"
}

// repeated are the choices of a panel that is there once for each value of a variable.
func (r reader) repeated(p lint.Panel, values map[string]string, choices []map[string]string) []map[string]string {
	if p.Repeat == "" || values[p.Repeat] != "" {
		return []map[string]string{values}
	}
	var all []map[string]string
	for _, c := range choices {
		if v := c[p.Repeat]; v != "" {
			all = append(all, merged(values, map[string]string{p.Repeat: v}))
		}
	}
	return all
}

// answer is what a query gives: of a chart the whole range, of others its end.
func (r reader) answer(ctx context.Context, target lint.Target, values map[string]string) ([]prom.Series, error) {
	// What Grafana sets at a step of 5 minutes and a scrape interval of 1 minute.
	chosen := map[string]string{"__rate_interval": "6m", "__range": "2h", "__interval": "5m"}
	for name, v := range values {
		if v != ".*" {
			v = strings.ReplaceAll(regexp.QuoteMeta(v), `\`, `\\`) // as Grafana does in quotes
		}
		chosen[name] = v
	}
	w := prom.Window{Start: r.now, End: r.now, Step: 5 * time.Minute}
	if target.Range {
		w.Start = r.now.Add(-watched)
	}
	return r.Range(ctx, lint.Substitute(target.Expr, chosen), w)
}

// labelled are the chosen values by the labels that they are values of.
func (r reader) labelled(values map[string]string) map[string]string {
	out := map[string]string{}
	for _, v := range r.Templating.List {
		if _, label, ok := v.Values(); ok && values[v.Name] != "" {
			out[label] = values[v.Name]
		}
	}
	return out
}
