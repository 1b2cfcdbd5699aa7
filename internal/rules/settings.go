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
	file              string
	retention, scrape time.Duration // 0: unknown
}

// rawPrometheus is the part of the chart's values that rules depend on.
type rawPrometheus struct {
	Prometheus struct {
		Retention      string `yaml:"retention"`
		ScrapeInterval string `yaml:"scrapeInterval"`
	} `yaml:"prometheus"`
}

// readSettings reads the values of the chart and, over them, of each environment that
// changes them. A checkout without the chart has no settings.
func readSettings(root string) ([]setting, error) {
	chart := filepath.Join(root, "platform", "helm", "observability", "values.yaml")
	var base rawPrometheus
	if err := readYAML(chart, &base); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	all := []setting{{file: chart}}
	if err := all[0].take(base); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "platform", "argocd", "environments", "*", "observability.yaml"))
	if err != nil {
		return nil, fmt.Errorf("find environments: %w", err)
	}
	for _, file := range files {
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
			return nil, err
		}
		own := all[0]
		own.file = file
		if err := own.take(application.Spec.Source.Helm.Values); err != nil {
			return nil, err
		}
		if own.retention != all[0].retention || own.scrape != all[0].scrape {
			all = append(all, own)
		}
	}
	return all, nil
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
	}{{raw.Prometheus.Retention, &s.retention}, {raw.Prometheus.ScrapeInterval, &s.scrape}} {
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
