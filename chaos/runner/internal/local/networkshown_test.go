package local

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Each row is a fault as it was asked for, and what an injector did of it.
func TestANetworkFaultIsShownByAllOfIt(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	none := func(effect) error { return nil }
	// with injects other effects in place of those that were asked for.
	with := func(n network) func(p *pod) func(effect) error {
		return func(p *pod) func(effect) error {
			done := false
			return func(effect) error {
				if done {
					return nil
				}
				done = true
				for _, other := range n.effects("run/f") {
					if err := p.proxy.add(other); err != nil {
						return err
					}
				}
				return nil
			}
		}
	}
	rejecting := func(p *pod) func(effect) error {
		p.proxy.reject("run/f")
		return none
	}
	ms := time.Millisecond
	for name, row := range map[string]struct {
		asked network
		add   func(p *pod) func(effect) error // nil: nothing is done
		want  bool
	}{
		"a delay: nothing was done":              {network{latency: 100 * ms}, nil, false},
		"a delay: half of it":                    {network{latency: 100 * ms}, with(network{latency: 50 * ms}), false},
		"a delay: all of it":                     {network{latency: 100 * ms}, with(network{latency: 100 * ms}), true},
		"a delay with a wide jitter: half":       {network{latency: 100 * ms, jitter: 100 * ms}, with(network{latency: 50 * ms, jitter: 50 * ms}), false},
		"a loss: nothing was done":               {network{loss: 0.5}, nil, false},
		"a loss: half of it":                     {network{loss: 0.5}, with(network{loss: 0.25}), false},
		"a loss: a delay in its place":           {network{loss: 0.5}, with(network{latency: 150 * ms}), false},
		"delay and loss: the delay alone":        {network{latency: 100 * ms, loss: 0.4}, with(network{latency: 100 * ms}), false},
		"delay and loss: the loss alone":         {network{latency: 100 * ms, loss: 0.4}, with(network{loss: 0.4}), false},
		"delay and loss: all loss":               {network{latency: 100 * ms, loss: 0.4}, with(network{cut: drop, streams: []string{downstream}}), false},
		"a rate: nothing was done":               {network{rate: 200e3, burst: 10e3}, nil, false},
		"a rate: twice as much":                  {network{rate: 200e3, burst: 10e3}, with(network{rate: 400e3, burst: 10e3}), false},
		"a rate: half as much":                   {network{rate: 200e3, burst: 10e3}, with(network{rate: 100e3, burst: 10e3}), false},
		"a rate: all of it":                      {network{rate: 200e3, burst: 10e3}, with(network{rate: 200e3, burst: 10e3}), true},
		"delay and rate: the rate alone":         {network{latency: 100 * ms, rate: 2e6, burst: mtu}, with(network{rate: 2e6, burst: mtu}), false},
		"a partition: nothing was done":          {network{cut: drop, streams: []string{downstream}}, nil, false},
		"a partition: a long delay in its place": {network{cut: drop, streams: []string{downstream}}, with(network{latency: 300 * ms}), false},
		"a partition both ways: one way alone":   {network{cut: drop, streams: []string{downstream, upstream}}, with(network{cut: drop, streams: []string{downstream}}), false},
		"a partition both ways: the other way":   {network{cut: drop, streams: []string{downstream, upstream}}, with(network{cut: drop, streams: []string{upstream}}), false},
		"a partition of what the pod receives":   {network{cut: drop, streams: []string{upstream}}, with(network{cut: drop, streams: []string{upstream}}), true},
		"a partition of it: what the pod sends":  {network{cut: drop, streams: []string{upstream}}, with(network{cut: drop, streams: []string{downstream}}), false},
		"a partition: a rejection in its place":  {network{cut: drop, streams: []string{downstream}}, rejecting, false},
		"a loss of all: a loss of most":          {network{cut: drop, streams: []string{downstream}}, with(network{loss: 0.6}), false},
	} {
		t.Run(name, func(t *testing.T) {
			p := e.fleet.all()[0]
			before := measureBaseline(t.Context(), p, wanted{path: true, bulk: row.asked.rate > 0})
			f := as[*networkFault](t, row.asked.on(e, p, "run/f", before))
			f.add = none
			if row.add != nil {
				f.add = row.add(p)
			}
			if err := f.inject(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantShown(t, f, row.want)
			for _, name := range p.proxy.active() {
				p.proxy.remove(name)
				p.proxy.accepts(name)
			}
			healthy(t, e)
		})
	}
}

func TestARejectionIsShownByResets(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	p := e.fleet.all()[0]
	f := network{cut: reject, streams: []string{downstream}}.on(e, p, "run/f", measureBaseline(t.Context(), p, wanted{path: true}))
	wantShown(t, f, false)
	if err := p.proxy.add(effect{name: "run/g", stream: downstream, hole: true}); err != nil {
		t.Fatal(err)
	}
	wantShown(t, f, false) // a partition in its place
	p.proxy.remove("run/g")
	if err := f.inject(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantShown(t, f, true)
	if err := f.undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantShown(t, f, false)
}

// A pod whose process goes while its path is looked at resets connections, as a
// rejection does: it is not taken for one.
func TestARestartIsNotTakenForACut(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	for name, n := range map[string]network{
		"a rejection": {cut: reject, streams: []string{downstream}},
		"a partition": {cut: drop, streams: []string{downstream}},
	} {
		t.Run(name, func(t *testing.T) {
			p := barePod(t, e)
			f := as[*networkFault](t, n.on(e, p, "run/f", measureBaseline(t.Context(), p, wanted{path: true})))
			p.proxy.setUpstream("") // as between two containers
			wantShown(t, f, false)
			down(t, p)
			wantShown(t, f, false)
		})
	}
}

func TestADelayIsShownBesideHalfOfIt(t *testing.T) {
	ms := func(values ...int) []sample {
		var out []sample
		for _, v := range values {
			s := sample{took: time.Duration(v) * time.Millisecond}
			if v < 0 {
				s.err = context.DeadlineExceeded
			}
			out = append(out, s)
		}
		return out
	}
	own := network{latency: 100 * time.Millisecond}
	for name, row := range map[string]struct {
		path, half []sample
		before     int // ms
		loss       float64
		want       bool
	}{
		"all of it":                           {ms(101, 102, 103, 101, 102), ms(51, 52, 53, 51, 52), 2, 0, true},
		"half of it":                          {ms(51, 52, 53, 51, 52), ms(51, 52, 53, 51, 52), 2, 0, false},
		"none of it":                          {ms(1, 2, 3, 1, 2), ms(51, 52, 53, 51, 52), 2, 0, false},
		"half of it on a slow machine":        {ms(151, 160, 140, 155, 150), ms(150, 158, 149, 151, 152), 2, 0, false},
		"all of it on a slow machine":         {ms(210, 200, 205, 203, 202), ms(150, 158, 149, 151, 152), 2, 0, true},
		"all of it, but nobody could know":    {ms(110, 300, 90, 101, 250), ms(50, 200, 20, 60, 180), 2, 0, false},
		"a path that was as slow before":      {ms(101, 102, 103, 101, 102), ms(51, 52, 53, 51, 52), 95, 0, false},
		"all of it, and two of five are lost": {ms(101, 102, -1, 103, -1), ms(51, 350, 53, 51, -1), 2, 0.4, true},
		"nobody answers":                      {ms(-1, -1, -1, -1, -1), ms(51, 52, 53, 51, 52), 2, 0, false},
		"nobody answers beside it":            {ms(101, 102, 103, 101, 102), ms(-1, -1, -1, -1, -1), 2, 0, false},
	} {
		got := delayShown(row.path, row.half, time.Duration(row.before)*time.Millisecond, own, row.loss)
		if got.shown != row.want {
			t.Errorf("%s: %t: %s", name, got.shown, got.text)
		}
	}
}

func TestALossIsShownByMoreThanHalfOfIt(t *testing.T) {
	for name, row := range map[string]struct {
		series    lossSeries
		p, others float64
		want      bool
	}{
		"as many as asked":                          {lossSeries{late: 60, sent: 400, besideOf: 100}, 0.15, 0, true},
		"half of them":                              {lossSeries{late: 30, sent: 400, besideOf: 100}, 0.15, 0, false},
		"a little more than half is chance":         {lossSeries{late: 36, sent: 400, besideOf: 100}, 0.15, 0, false},
		"none":                                      {lossSeries{sent: 400, besideOf: 100}, 0.15, 0, false},
		"all, when all are lost nearly":             {lossSeries{late: 12, sent: 12, besideOf: 9}, 0.99, 0, true},
		"as many beside the path":                   {lossSeries{late: 200, sent: 400, besideLate: 50, besideOf: 100}, 0.15, 0, false},
		"what another fault loses does not count":   {lossSeries{late: 160, sent: 400, besideOf: 100}, 0.15, 0.4, false},
		"as many as both faults lose together":      {lossSeries{late: 240, sent: 400, besideOf: 100}, 0.4, 0.3, true},
		"a small loss over several looks":           {lossSeries{late: 40, sent: 3600, besideOf: 900}, 0.01, 0, true},
		"a small loss at one look says nothing yet": {lossSeries{late: 4, sent: 400, besideOf: 100}, 0.01, 0, false},
	} {
		if got := row.series.judge(row.p, row.others); got.shown != row.want {
			t.Errorf("%s: %t: %s", name, got.shown, got.text)
		}
	}
}

// Looks that follow each other add up; what was seen before a pause, or before the
// fault was shown, proves nothing later: a fault that has gone must not be shown.
func TestLooksAtALossAddUpUntilItIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &networkFault{network: network{loss: 0.05}, before: podBaseline{median: time.Millisecond, fast: time.Millisecond}}
		look := func(late int) bool {
			path := make([]sample, 400)
			for i := range path {
				if path[i].took = 2 * time.Millisecond; i < late {
					path[i].took += rto
				}
			}
			o := f.lossShown(time.Now(), path, path[300:], network{})
			t.Log(o.text)
			return o.shown
		}
		if look(18) {
			t.Error("one look at so small a loss is chance")
		}
		time.Sleep(lookGap / 2)
		if !look(20) {
			t.Error("two looks in a row show it")
		}
		if look(0) {
			t.Error("shown by looks before it was shown")
		}
		time.Sleep(lookGap / 2)
		look(18)
		time.Sleep(2 * lookGap)
		if look(20) {
			t.Error("shown by a look before a pause")
		}
	})
}
