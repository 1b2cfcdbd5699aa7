// Package preview draws Grafana dashboards as one HTML page, from live data and without
// Grafana. It draws the six kinds of panels that the dashboards of this repository use, in
// the places, units and colours that their JSON gives, so that people can judge them. It is
// no Grafana: nothing moves, and what is chosen is chosen before it is drawn.
package preview

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
)

// Source answers questions about series. It must be safe for concurrent use.
type Source interface {
	// Range evaluates expr at every step of the window. Series without points are left out.
	Range(ctx context.Context, expr string, w prom.Window) ([]prom.Series, error)
	// Values are those that a label has among the series of a selector.
	Values(ctx context.Context, label, selector string, from, to time.Time) ([]string, error)
}

// Config says what is drawn.
type Config struct {
	Source Source
	// Name of the source, for the reader.
	Name string
	// Now is the end of every range, and what "5 minutes ago" counts from.
	Now time.Time
	// From is the beginning of every range, such as "now-1h"; empty means each dashboard's own.
	From string
	// Scrape is the interval of scrapes that Grafana's data source is configured with; 0
	// means its default of 15 seconds.
	Scrape time.Duration
	// Chosen are the values of variables; what is not there is as when Grafana opens the
	// dashboard.
	Chosen map[string][]string
	// Parallel is how many questions are asked at a time; 0 means 8.
	Parallel int
}

const (
	defaultScrape   = 15 * time.Second
	defaultParallel = 8
)

func (c *Config) defaults() {
	if c.Scrape <= 0 {
		c.Scrape = defaultScrape
	}
	if c.Parallel <= 0 {
		c.Parallel = defaultParallel
	}
}

// Validate says what is wrong with what people give.
func (c Config) Validate() error {
	if c.From == "" {
		return nil
	}
	_, err := spanOf(c.From, c.Now)
	return err
}

// Summary counts what was drawn.
type Summary struct {
	Panels int
	Empty  int // panels without data
	// Failures are questions that had no answer, each once, with the panel or variable that asked it.
	Failures []string
}

// Write asks for the data of all dashboards and writes the page. A question without an answer
// is shown in its panel and counted in the summary; it is not an error. Write blocks until
// every question is answered; the source bounds how long that takes, and ctx ends it. An
// error means that the page is not complete.
func Write(ctx context.Context, w io.Writer, boards []lint.Dashboard, cfg Config) (Summary, error) {
	cfg.defaults()
	views := make([]*view, len(boards))
	group, within := errgroup.WithContext(ctx)
	limited := limit(cfg.Source, cfg.Parallel)
	for i, b := range boards {
		group.Go(func() error {
			v, err := newView(b, cfg)
			if err != nil {
				return fmt.Errorf("dashboard %s: %w", b.Title, err)
			}
			views[i] = v
			v.ask(within, limited)
			return within.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return Summary{}, err
	}
	p := page{Source: cfg.Name, At: cfg.Now.UTC().Format("2006-01-02 15:04:05 UTC")}
	var s Summary
	for _, v := range views {
		p.Boards = append(p.Boards, v.draw(&s))
	}
	return s, p.write(w)
}

// limited is a source that is asked few questions at a time.
type limited struct {
	Source
	turns chan struct{}
}

func limit(s Source, most int) Source { return limited{s, make(chan struct{}, most)} }

func (l limited) turn(ctx context.Context) (func(), error) {
	select {
	case l.turns <- struct{}{}:
		return func() { <-l.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l limited) Range(ctx context.Context, expr string, w prom.Window) ([]prom.Series, error) {
	done, err := l.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return l.Source.Range(ctx, expr, w)
}

func (l limited) Values(ctx context.Context, label, selector string, from, to time.Time) ([]string, error) {
	done, err := l.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return l.Source.Values(ctx, label, selector, from, to)
}
