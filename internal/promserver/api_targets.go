package promserver

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/util/annotations"
)

type targetJSON struct {
	DiscoveredLabels   labels.Labels       `json:"discoveredLabels"`
	Labels             labels.Labels       `json:"labels"`
	ScrapePool         string              `json:"scrapePool"`
	ScrapeURL          string              `json:"scrapeUrl"`
	GlobalURL          string              `json:"globalUrl"`
	LastError          string              `json:"lastError"`
	LastScrape         time.Time           `json:"lastScrape"`
	LastScrapeDuration float64             `json:"lastScrapeDuration"`
	Health             scrape.TargetHealth `json:"health"`
	ScrapeInterval     string              `json:"scrapeInterval"`
	ScrapeTimeout      string              `json:"scrapeTimeout"`
}

func (a *api) active() map[string][]*scrape.Target {
	if a.scraper == nil {
		return nil
	}
	return a.scraper.manager.TargetsActive()
}

func (a *api) targets(*http.Request) (any, annotations.Annotations, error) {
	active := a.active()
	out := []targetJSON{}
	builder := labels.NewBuilder(labels.EmptyLabels())
	for _, job := range slices.Sorted(maps.Keys(active)) {
		for _, t := range active[job] {
			one := targetJSON{
				DiscoveredLabels:   t.DiscoveredLabels(builder),
				Labels:             t.Labels(builder),
				ScrapePool:         job,
				ScrapeURL:          t.URL().String(),
				GlobalURL:          t.URL().String(),
				LastScrape:         t.LastScrape(),
				LastScrapeDuration: t.LastScrapeDuration().Seconds(),
				Health:             t.Health(),
				ScrapeInterval:     t.GetValue(model.ScrapeIntervalLabel),
				ScrapeTimeout:      t.GetValue(model.ScrapeTimeoutLabel),
			}
			if err := t.LastError(); err != nil {
				one.LastError = err.Error()
			}
			out = append(out, one)
		}
	}
	return map[string]any{
		"activeTargets":       out,
		"droppedTargets":      []any{},
		"droppedTargetCounts": map[string]int{},
	}, nil, nil
}

type metadataJSON struct {
	Type model.MetricType `json:"type"`
	Help string           `json:"help"`
	Unit string           `json:"unit"`
}

func (a *api) metadata(r *http.Request) (any, annotations.Annotations, error) {
	limit, err := limitOf(r)
	if err != nil {
		return nil, nil, err
	}
	wanted := r.FormValue("metric")
	out := map[string][]metadataJSON{}
	for _, targets := range a.active() {
		for _, t := range targets {
			for _, m := range t.ListMetadata() {
				one := metadataJSON{m.Type, m.Help, m.Unit}
				known, ok := out[m.MetricFamily]
				if wanted != "" && m.MetricFamily != wanted || slices.Contains(known, one) || !ok && limit > 0 && len(out) == limit {
					continue
				}
				out[m.MetricFamily] = append(known, one)
			}
		}
	}
	return out, nil, nil
}
