package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// setting is how a Prometheus is run that gets the rules of this checkout.
type setting struct {
	file                          string
	retention, scrape, evaluation time.Duration // 0: unknown
}

// Intervals are how often a Prometheus scrapes what SLOs are about and evaluates their
// rules, and how long its Alertmanager collects alerts before it notifies; 0 is unknown.
type Intervals struct{ Scrape, Evaluation, GroupWait time.Duration }

// rawPrometheus is the part of the chart's values that rules depend on.
type rawPrometheus struct {
	Prometheus struct {
		Retention          string `yaml:"retention"`
		ScrapeInterval     string `yaml:"scrapeInterval"`
		EvaluationInterval string `yaml:"evaluationInterval"`
	} `yaml:"prometheus"`
}

// chartFile holds the settings of every environment that does not change them.
func chartFile(root string) string {
	return filepath.Join(root, "platform", "helm", "observability", "values.yaml")
}

func environmentFile(root, environment string) string {
	return filepath.Join(root, "platform", "argocd", "environments", environment, "observability.yaml")
}

// readSettings reads the values of the chart and, over them, of each environment that
// changes them. A checkout without the chart has no settings.
func readSettings(root string) ([]setting, error) {
	chart, err := chartSetting(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all := []setting{chart}
	files, err := filepath.Glob(environmentFile(root, "*"))
	if err != nil {
		return nil, fmt.Errorf("find environments: %w", err)
	}
	for _, file := range files {
		own, err := chart.in(file)
		if err != nil {
			return nil, err
		}
		if own.retention != chart.retention || own.scrape != chart.scrape {
			all = append(all, own)
		}
	}
	return all, nil
}

// chartSetting is what the chart's own values say. The error wraps fs.ErrNotExist where
// there is no chart.
func chartSetting(root string) (setting, error) {
	s := setting{file: chartFile(root)}
	var raw rawPrometheus
	if err := readYAML(s.file, &raw); err != nil {
		return s, err
	}
	return s, s.take(raw)
}

// in is the setting in an environment, whose application is in the file.
func (s setting) in(file string) (setting, error) {
	var application struct {
		Spec struct {
			Source struct {
				Helm struct {
					Values rawPrometheus `yaml:"valuesObject"`
				} `yaml:"helm"`
			} `yaml:"source"`
		} `yaml:"spec"`
	}
	if err := readYAML(file, &application); err != nil {
		return s, err
	}
	s.file = file
	return s, s.take(application.Spec.Source.Helm.Values)
}

// IntervalsOf reads the intervals that the chart observability of a checkout sets, or an
// environment over it where one is named, and the group_wait of alerts/alertmanager. The
// error wraps fs.ErrNotExist where there is no chart or no such environment; the others
// are known then as well.
func IntervalsOf(root, environment string) (Intervals, error) {
	var i Intervals
	var alertmanager struct {
		Route struct {
			GroupWait model.Duration `yaml:"group_wait"`
		} `yaml:"route"`
	}
	err := readYAML(filepath.Join(root, "alerts", "alertmanager", "alertmanager.yaml"), &alertmanager)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return i, err
	}
	i.GroupWait = time.Duration(alertmanager.Route.GroupWait)
	s, err := chartSetting(root)
	if err == nil && environment != "" {
		s, err = s.in(environmentFile(root, environment))
	}
	i.Scrape, i.Evaluation = s.scrape, s.evaluation
	return i, err
}

func readYAML(file string, into any) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read settings of Prometheus: %w", err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		return fmt.Errorf("read settings of Prometheus: %s: %w", file, err)
	}
	return nil
}

// take overrides what the values give.
func (s *setting) take(raw rawPrometheus) error {
	for _, v := range []struct {
		text string
		into *time.Duration
	}{
		{raw.Prometheus.Retention, &s.retention},
		{raw.Prometheus.ScrapeInterval, &s.scrape},
		{raw.Prometheus.EvaluationInterval, &s.evaluation},
	} {
		if v.text == "" {
			continue
		}
		d, err := model.ParseDuration(v.text)
		if err != nil {
			return fmt.Errorf("read settings of Prometheus: %s: %w", s.file, err)
		}
		*v.into = time.Duration(d)
	}
	return nil
}
