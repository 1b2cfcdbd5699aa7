package main

import (
	"context"
	"fmt"
	"time"
)

// scrapes is one round of both peers, plain and compressed: one scrape every 15 ms,
// none, and one a second.
func (m *measurement) scrapes(ctx context.Context, peers []peer) error {
	const often, seldom = 15 * time.Millisecond, time.Second
	for _, gzip := range []bool{false, true} {
		for _, p := range peers {
			key := p.name + form(gzip)
			used, _, took, err := m.scraped(ctx, p, gzip, often, m.times(3*time.Second, often))
			if err != nil {
				return err
			}
			m.add(key+"/often/cpu", used.Seconds()/float64(len(took)))
			m.add(key+"/often/p99", quantile(seconds(took), 0.99))
		}
	}
	for _, p := range peers {
		idle, passed, err := m.idle(ctx, p, m.lasts(5*time.Second))
		if err != nil {
			return err
		}
		rate := float64(idle) / float64(passed)
		for _, gzip := range []bool{false, true} {
			used, passed, took, err := m.scraped(ctx, p, gzip, seldom, m.times(6*time.Second, seldom))
			if err != nil {
				return err
			}
			key := p.name + form(gzip)
			m.add(key+"/seldom/above idle", (used.Seconds()-rate*passed.Seconds())/float64(len(took)))
			m.add(key+"/seldom/all", float64(used)/float64(passed))
		}
	}
	return nil
}

func form(gzip bool) string {
	if gzip {
		return "/gzip"
	}
	return "/plain"
}

// scraped scrapes a peer n times, and returns what it used, how long it all took, and
// each scrape.
func (m *measurement) scraped(ctx context.Context, p peer, gzip bool, every time.Duration, n int) (used, passed time.Duration, took []time.Duration, err error) {
	before, err := p.processorTime()
	if err != nil {
		return 0, 0, nil, err
	}
	began := time.Now()
	if took, err = paced(ctx, p.metrics(), gzip, every, n); err != nil {
		return 0, 0, nil, fmt.Errorf("scrape %s: %w", p.name, err)
	}
	after, err := p.processorTime()
	return after - before, time.Since(began), took, err
}

func (m *measurement) idle(ctx context.Context, p peer, last time.Duration) (used, passed time.Duration, err error) {
	before, err := p.processorTime()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := wait(ctx, last); err != nil {
		return 0, 0, err
	}
	after, err := p.processorTime()
	return after - before, time.Since(began), err
}

// memory is what the peers hold after the scrapes: the monitor with a history, whose
// rings are written when they are made, and the page open; and without a history.
func (m *measurement) memory(ctx context.Context, monitor, bare, node *process) error {
	if _, err := paced(ctx, "http://"+bare.address+"/metrics", true, 15*time.Millisecond, m.times(time.Second, 15*time.Millisecond)); err != nil {
		return err
	}
	stop, err := m.openPage(ctx, monitor)
	if err != nil {
		return err
	}
	defer stop()
	if err := wait(ctx, m.lasts(2*time.Second)); err != nil {
		return err
	}
	for name, p := range map[string]*process{"monitor/history": monitor, "monitor/bare": bare, "node_exporter": node} {
		rss, err := p.resident()
		if err != nil {
			return err
		}
		m.add(name+"/rss", rss)
	}
	return nil
}

// openPage asks for what a browser does, and keeps the stream.
func (m *measurement) openPage(ctx context.Context, p *process) (stop func(), err error) {
	c := client(2)
	defer c.CloseIdleConnections()
	for _, path := range []string{"/", "/assets/page.css", "/assets/page.js", "/api/v1/snapshot", "/api/v1/history?series=cpu.busy_percent&series=memory.used_percent"} {
		if _, err := get(ctx, c, "http://"+p.address+path, true); err != nil {
			return nil, err
		}
	}
	return listen(ctx, p.address, "/api/v1/stream", 1)
}
