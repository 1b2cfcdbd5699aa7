package cluster

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

const (
	size    = "probe_pod_answer_bytes"
	fastest = `probe_pod_duration_seconds{statistic="min"`
	late    = `probe_pod_failures{reason="timeout"`
)

func bandwidth(rate string, buffer uint32) v1alpha1.NetworkChaosSpec {
	return v1alpha1.NetworkChaosSpec{
		Action: v1alpha1.BandwidthAction, Direction: v1alpha1.To,
		TcParameter: v1alpha1.TcParameter{Bandwidth: &v1alpha1.BandwidthSpec{Rate: rate, Limit: 20971520, Buffer: buffer}},
	}
}

func netem(change func(*v1alpha1.TcParameter)) v1alpha1.NetworkChaosSpec {
	s := v1alpha1.NetworkChaosSpec{Action: v1alpha1.NetemAction, Direction: v1alpha1.To, TcParameter: v1alpha1.TcParameter{Rate: &v1alpha1.RateSpec{Rate: "256kbps"}}}
	change(&s.TcParameter)
	return s
}

// A round is of 110 kB. At 256 kB/s, 10 kB of which pass at once, that takes 390 ms.
func TestANarrowLinkIsSeenInTheTimeThatAnswersTake(t *testing.T) {
	limit := bandwidth("256kbps", 10_000)
	rate := netem(func(*v1alpha1.TcParameter) {})
	delayed := netem(func(p *v1alpha1.TcParameter) { p.Delay = &v1alpha1.DelaySpec{Latency: "200ms"} })
	lossy := netem(func(p *v1alpha1.TcParameter) { p.Loss = &v1alpha1.LossSpec{Loss: "10"} })
	same := measured{before: 110e3, now: 110e3}
	for name, tc := range map[string]struct {
		spec  v1alpha1.NetworkChaosSpec
		seen  answers
		shown bool
		says  string
	}{
		"a bandwidth, it shows":                        {limit, answers{size: same, slow: {before: .01, now: .45}, bad: {}}, true, "110kB from the pod's address take 450.0 ms, where they took 10.0 ms before; at 256kbps they need 390.6 ms"},
		"a bandwidth, nothing has happened":            {limit, answers{size: same, slow: {before: .01, now: .012}, bad: {}}, false, "12.0 ms"},
		"a bandwidth, a wider one":                     {limit, answers{size: same, slow: {before: .01, now: .2}, bad: {}}, false, "200.0 ms"},
		"a bandwidth, the machine was slow before":     {limit, answers{size: same, slow: {before: .19, now: .4}, bad: {}}, true, "190.0 ms before"},
		"a bandwidth, the machine was as slow":         {limit, answers{size: same, slow: {before: .4, now: .45}, bad: {}}, false, "400.0 ms before"},
		"a bandwidth, the answers got smaller":         {limit, answers{size: {before: 110e3, now: 60e3}, slow: {before: .01, now: .21}, bad: {}}, true, "60kB"},
		"a bandwidth, the answers fit the buffer now":  {limit, answers{size: {before: 110e3, now: 9e3}, slow: {before: .01, now: .5}, bad: {}}, false, "need 0.0 ms"},
		"a bandwidth, the reading is old":              {limit, answers{size: {before: 110e3, now: 110e3, stale: true}, slow: {before: .01, now: .45, stale: true}, bad: {stale: true}}, false, "before the fault"},
		"a bandwidth, nothing measures it":             {limit, answers{}, false, "no such series"},
		"a bandwidth, a round is over before it ends":  {limit, answers{size: {before: 110e3, now: 40e3}, slow: {before: .01}, bad: {now: 5}, late: {now: 5}}, true, "40kB came before its time was over"},
		"a bandwidth, nearly all of a round comes":     {limit, answers{size: {before: 110e3, now: 90e3}, slow: {before: .01}, bad: {now: 1}, late: {now: 1}}, false, "90kB came"},
		"a bandwidth, more comes than the rate allows": {bandwidth("1kbps", 100), answers{size: {before: 110e3, now: 40e3}, slow: {before: .01}, bad: {now: 5}, late: {now: 5}}, false, "at most 10.1kB can"},
		"a bandwidth, nothing comes":                   {limit, answers{size: {before: 110e3}, slow: {before: .01}, bad: {now: 5}, late: {now: 5}}, false, "as in a partition"},
		"a bandwidth, the pod refuses":                 {limit, answers{size: {before: 110e3}, slow: {before: .01}, bad: {now: 5}, late: {}}, false, "5 of 5 failed requests to the pod's address failed for another reason"},
		"a rate, it shows":                             {rate, answers{size: same, slow: {before: .01, now: .45}, bad: {}}, true, "450.0 ms"},
		"a rate, nothing is let pass at once":          {rate, answers{size: same, slow: {before: .01, now: .44}, bad: {}}, true, "need 429.7 ms"},
		"a rate and a delay, both show":                {delayed, answers{size: same, fast: {before: .001, now: .201}, slow: {before: .01, now: 1.1}, bad: {}}, true, "201.0 ms"},
		"a rate and a delay, only the delay shows":     {delayed, answers{size: same, fast: {before: .001, now: .201}, slow: {before: .01, now: .61}, bad: {}}, false, "610.0 ms"},
		"a rate and a loss, both show":                 {lossy, answers{size: same, fastest: {before: .01, now: .1}, slow: {before: .01, now: .9}, bad: {now: 1}}, true, "22kB from the pod's address take 100.0 ms"},
		"a rate and a loss, only the loss shows":       {lossy, answers{size: same, fastest: {before: .01, now: .011}, slow: {before: .01, now: .9}, bad: {now: 1}}, false, "11.0 ms"},
	} {
		t.Run(name, func(t *testing.T) {
			got := watching(tc.seen).observeNetwork(t.Context(), &v1alpha1.NetworkChaos{Spec: tc.spec}, snapshot{at: noon}, fault.Target{Namespace: "monitor", Pod: "monitor-a"}, watchedByProbe)
			check(t, got, tc.shown, tc.says)
		})
	}
}

func TestALimitThatCannotBeSeenIsRefusedWithWhatWouldDo(t *testing.T) {
	usual := answers{size: {now: 110e3}, slow: {now: .01}, fastest: {now: .008}}
	network := func(spec string) string {
		return "kind: NetworkChaos\nmetadata: {name: k}\nspec: {" + spec + ", mode: one, selector: {labelSelectors: {app: monitor}}}\n"
	}
	limit := func(rate, buffer string) string {
		return network("action: bandwidth, bandwidth: {rate: " + rate + ", limit: 20971520, buffer: " + buffer + "}")
	}
	for name, tc := range map[string]struct {
		text string
		seen answers
		says string // nothing: it is planned
	}{
		"a limit that shows":                {limit("256kbps", "10000"), usual, ""},
		"a rate that shows":                 {network("action: netem, rate: {rate: 2mbit}"), usual, ""},
		"a wide link":                       {limit("100mbit", "10000"), usual, "give a rate of at most 1000kbps, or have the prober ask for more"},
		"a buffer that holds all":           {limit("256kbps", "200000"), usual, "a buffer of 200kB lets all of the 110kB pass at once"},
		"a small answer":                    {limit("256kbps", "10000"), answers{size: {now: 1e3}, slow: {now: .01}}, "a buffer of 10kB lets all of the 1kB pass"},
		"a machine that is slow anyway":     {limit("256kbps", "10000"), answers{size: {now: 110e3}, slow: {now: .4}}, "less than 800.0 ms cannot be told"},
		"a pod that does not answer":        {limit("256kbps", "10000"), answers{size: {}, slow: {now: .01}}, "no byte"},
		"no prober":                         {limit("256kbps", "10000"), answers{}, "the chart probe measures it"},
		"what the prober sends":             {network("action: bandwidth, direction: from, target: {mode: all, selector: {labelSelectors: {app.kubernetes.io/name: probe}}}, bandwidth: {rate: 256kbps, limit: 20971520, buffer: 10000}"), usual, "use direction to"},
		"beside a loss, a rate too wide":    {network("action: netem, loss: {loss: \"10\"}, rate: {rate: 256kbps}"), usual, "give a rate of at most 220kbps"},
		"beside a loss, a narrow one":       {network("action: netem, loss: {loss: \"10\"}, rate: {rate: 128kbps}"), usual, ""},
		"a duplicate, which no one sees":    {network("action: duplicate, duplicate: {duplicate: \"50\"}"), usual, "nothing here can show duplicate"},
		"a delay that Prometheus would see": {network("action: delay, direction: to, target: {mode: all, selector: {labelSelectors: {app.kubernetes.io/name: prometheus}}}, delay: {latency: 10ms}"), usual, "by a partition"},
	} {
		t.Run(name, func(t *testing.T) {
			peer := func(name string) func() *Target {
				return func() *Target {
					p := owned(name, "")
					p.Labels = map[string]string{nameLabel: name}
					return platform(t, append(three(), p)...)
				}
			}
			build := peer("probe")
			if strings.Contains(tc.text, "name: prometheus") {
				build = peer("prometheus")
			}
			target := build()
			target.cfg.Querier = tc.seen
			plan, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, tc.text)})
			if tc.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, fault.ErrNotInjectable) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%+v, %v", plan, err)
			}
		})
	}
}

// The real Prometheus answers the questions about a narrow link, with the series that the
// prober serves.
func TestANarrowLinkIsSeenByPrometheus(t *testing.T) {
	server, err := promserver.Open(promserver.Config{Dir: t.TempDir(), Scrape: 5 * time.Second, Evaluation: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := prom.New(prom.Config{URL: "http://prometheus.test", RoundTripper: promserver.Transport(server.Handler()), Timeout: 10 * time.Second, MaxAge: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	now := time.Now().Truncate(time.Millisecond)
	t0 := now.Add(-10 * time.Second)
	write := func(at time.Time, v float64, labels ...string) prom.Series {
		m := map[string]string{"namespace": "monitor", "pod": "monitor-a", "job": "probe-pods", "probe": "monitor"}
		for i := 0; i < len(labels); i += 2 {
			m[labels[i]] = labels[i+1]
		}
		return prom.Series{Labels: m, Points: []prom.Sample{{T: at, V: v}}}
	}
	for _, taken := range []struct {
		at    time.Time
		whole float64
	}{{t0.Add(-time.Second), .011}, {now.Add(-time.Second), .46}} {
		at, whole := taken.at, taken.whole
		var round []prom.Series
		for i, statistic := range []string{"min", "mean", "max"} {
			round = append(round, write(at, whole-.001*float64(2-i), "__name__", "probe_pod_duration_seconds", "statistic", statistic))
		}
		round = append(round, write(at, 110e3, "__name__", size),
			write(at, 5, "__name__", "probe_pod_requests", "outcome", "success"), write(at, 0, "__name__", "probe_pod_requests", "outcome", "error"))
		if err := server.Backfill(t.Context(), round); err != nil {
			t.Fatal(err)
		}
	}
	target := &Target{Cluster: &Cluster{cfg: Config{Querier: client}}}
	hit := fault.Target{Namespace: "monitor", Pod: "monitor-a"}
	for rate, shown := range map[int]bool{256: true, 128: false} {
		got := target.observeNetwork(t.Context(), &v1alpha1.NetworkChaos{Spec: bandwidth(strconv.Itoa(rate)+"kbps", 10_000)}, snapshot{at: t0}, hit, watchedByProbe)
		check(t, got, shown, "110kB from the pod's address take 460.0 ms, where they took 11.0 ms before")
	}
	limit := fault.Planned{Targets: []fault.Target{hit}}
	if err := target.narrowable(t.Context(), limit, bandwidth("64kbps", 10_000)); err != nil {
		t.Error(err)
	}
	if err := target.narrowable(t.Context(), limit, bandwidth("1mbps", 10_000)); !errors.Is(err, fault.ErrNotInjectable) {
		t.Errorf("%v", err)
	}
}
