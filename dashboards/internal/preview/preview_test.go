package preview

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// answering is a source that knows some expressions.
type answering struct {
	series map[string][]prom.Series
	values map[string][]string // by the label
	err    error
}

func (a answering) Range(_ context.Context, expr string, w prom.Window) ([]prom.Series, error) {
	for begin, series := range a.series {
		if !strings.HasPrefix(expr, begin) {
			continue
		}
		var out []prom.Series
		for _, s := range series {
			cut := prom.Series{Labels: s.Labels}
			for _, p := range s.Points {
				if !p.T.Before(w.Start) && !p.T.After(w.End) {
					cut.Points = append(cut.Points, p)
				}
			}
			if len(cut.Points) > 0 {
				out = append(out, cut)
			}
		}
		return out, nil
	}
	return nil, a.err
}

func (a answering) Values(_ context.Context, label, _ string, _, _ time.Time) ([]string, error) {
	return a.values[label], a.err
}

// over is a series with a point each minute of the last hours.
func over(labels map[string]string, hours int, value func(i int) float64) prom.Series {
	s := prom.Series{Labels: labels}
	n := hours * 60
	for i := range n + 1 {
		s.Points = append(s.Points, prom.Sample{T: now.Add(time.Duration(i-n) * time.Minute), V: value(i)})
	}
	return s
}

func steady(v float64) func(int) float64 { return func(int) float64 { return v } }

// dashboard is one with the panels given as JSON.
func dashboard(t *testing.T, panels string) lint.Dashboard {
	t.Helper()
	d, err := lint.Parse([]byte(`{"uid":"ballast-test","title":"Test","description":"A test.","time":{"from":"now-6h","to":"now"},
"templating":{"list":[
 {"type":"datasource","name":"datasource","label":"Data source","query":"prometheus"},
 {"type":"query","name":"pod","label":"Pod","query":"label_values(up, pod)","multi":true,"includeAll":true,"allValue":".*"},
 {"type":"query","name":"slo","label":"SLO","query":"label_values(info, slo)"},
 {"type":"textbox","name":"logs","label":"Logs at","query":"http://127.0.0.1:9428"}]},
"annotations":{"list":[{"name":"Chaos","enable":true,"iconColor":"purple","titleFormat":"Chaos {{experiment}}","textFormat":"it runs","expr":"chaos","target":{"refId":"Anno","expr":"chaos","range":true}}]},
"panels":[{"id":1,"type":"row","title":"Now","gridPos":{"h":1,"w":24,"x":0,"y":0}},` + panels + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func panelJSON(kind, rest string) string {
	return `{"id":2,"type":"` + kind + `","title":"Panel","description":"What it is.","gridPos":{"h":8,"w":12,"x":12,"y":1},` + rest + `}`
}

// drawn is the page of a dashboard.
func drawn(t *testing.T, src Source, d lint.Dashboard, chosen map[string][]string) (string, Summary) {
	t.Helper()
	var b strings.Builder
	s, err := Write(t.Context(), &b, []lint.Dashboard{d}, Config{Source: src, Name: "a test", Now: now, Chosen: chosen, Scrape: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), s
}

func TestEveryKindOfPanelIsDrawn(t *testing.T) {
	src := answering{
		values: map[string][]string{"pod": {"pod-b", "pod-a"}, "slo": {"latency"}},
		series: map[string][]prom.Series{
			"left":  {over(map[string]string{"slo": "a", "pod": "pod-a"}, 7, steady(0.42)), over(map[string]string{"slo": "b", "pod": "pod-b"}, 7, steady(-0.1))},
			"state": {over(map[string]string{"slo": "a"}, 7, func(i int) float64 { return float64(i / 200 % 2) })},
			"chaos": {over(map[string]string{"experiment": "kill"}, 1, steady(1))},
			"text":  {over(map[string]string{"slo": "a", "severity": "page"}, 7, steady(3))},
		},
	}
	const steps = `"thresholds":{"mode":"absolute","steps":[{"color":"red","value":null},{"color":"orange","value":0},{"color":"green","value":0.25}]}`
	for name, tc := range map[string]struct {
		panel string
		want  []string
	}{
		"a tile": {
			panelJSON("stat", `"options":{"colorMode":"background"},"targets":[{"refId":"A","expr":"left","instant":true,"legendFormat":"{{slo}}"}],"fieldConfig":{"defaults":{"unit":"percentunit",`+steps+`}}`),
			[]string{`<b>42%</b>`, `<span>a</span>`, `<b>-10%</b>`, `class="tile painted" style="--c:var(--c-green);`, `style="--c:var(--c-red);`, `--x:13;--y:1;--w:12;--h:8`},
		},
		"a tile of which a state is mapped": {
			panelJSON("stat", `"options":{"colorMode":"background"},"targets":[{"refId":"A","expr":"text","instant":true}],"fieldConfig":{"defaults":{"mappings":[{"type":"value","options":{"3":{"text":"Page","color":"#808080","index":0}}}]}}`),
			[]string{`<b>Page</b>`, `--c:#808080;--on:#fff`},
		},
		"a gauge": {
			panelJSON("gauge", `"targets":[{"refId":"A","expr":"left","instant":true,"legendFormat":"{{slo}}"}],"fieldConfig":{"defaults":{"unit":"percentunit","min":0,"max":1,`+steps+`}}`),
			[]string{`stroke-dasharray="42 200"`, `stroke-dashoffset="-25"`, `>42%</text>`},
		},
		"bars": {
			panelJSON("bargauge", `"targets":[{"refId":"A","expr":"left","instant":true,"legendFormat":"{{slo}}"}],"fieldConfig":{"defaults":{"unit":"percentunit","min":0,"max":1,`+steps+`}}`),
			[]string{`width:42%`, `<span>a</span>`, `<b>42%</b>`, `width:0%`},
		},
		"a single bar that its panel names": {
			panelJSON("bargauge", `"targets":[{"refId":"A","expr":"text","instant":true}],"fieldConfig":{"defaults":{"displayName":"${__field.labels.severity}"}}`),
			[]string{`<span>page</span>`, `<b>3</b>`},
		},
		"lines with a threshold and an annotation": {
			panelJSON("timeseries", `"targets":[{"refId":"A","expr":"left","range":true,"legendFormat":"left {{slo}}"}],"fieldConfig":{"defaults":{"unit":"percentunit","custom":{"fillOpacity":10,"thresholdsStyle":{"mode":"dashed"}},`+steps+`},"overrides":[{"matcher":{"id":"byRegexp","options":"left b"},"properties":[{"id":"custom.lineStyle","value":{"fill":"dash"}}]}]}`),
			[]string{`class="stroke s1"`, `class="stroke s2 dashed"`, `class="limitline" style="--c:var(--c-green);`, `left a</span>`, `>20%</span>`, `class="under s1"`, `title="Chaos kill: it runs"`, `08:00</span>`},
		},
		"a timeline of states": {
			panelJSON("state-timeline", `"targets":[{"refId":"A","expr":"state","range":true,"legendFormat":"{{slo}}"}],"fieldConfig":{"defaults":{"mappings":[{"type":"value","options":{"0":{"text":"Healthy","color":"green","index":0},"1":{"text":"Ticket","color":"orange","index":1}}}]}}`),
			[]string{`class="statename" title="a"`, `title="Ticket"`, `--c:var(--c-orange)`, `Healthy</span>`},
		},
		"a timeline of thresholds": {
			panelJSON("state-timeline", `"targets":[{"refId":"A","expr":"left","range":true,"legendFormat":"{{slo}}"}],"fieldConfig":{"defaults":{"unit":"percentunit",`+steps+`}}`),
			[]string{`title="25%&#43;"`, `title="&lt; 0%"`},
		},
		"a table": {
			panelJSON("table", `"options":{"sortBy":[{"displayName":"Left","desc":false}]},"targets":[{"refId":"A","expr":"left","instant":true,"format":"table"},{"refId":"B","expr":"text","instant":true,"format":"table"}],
"transformations":[{"id":"merge","options":{}},{"id":"organize","options":{"excludeByName":{"Time":true,"__name__":true},"indexByName":{"slo":0,"Value #A":1,"severity":2,"Value #B":3},"renameByName":{"slo":"SLO","Value #A":"Left","severity":"Severity","Value #B":"Alerts"}}}],
"fieldConfig":{"defaults":{"noValue":"None"},"overrides":[
 {"matcher":{"id":"byName","options":"Left"},"properties":[{"id":"unit","value":"percentunit"},{"id":"min","value":0},{"id":"max","value":1},{"id":"custom.cellOptions","value":{"type":"gauge"}},{"id":"thresholds","value":{"mode":"absolute","steps":[{"color":"red","value":null},{"color":"green","value":0}]}}]},
 {"matcher":{"id":"byName","options":"SLO"},"properties":[{"id":"links","value":[{"title":"Detail","url":"/d/ballast-slo-detail?var-slo=${__value.raw}"},{"title":"Logs","url":"${logs:raw}/?q=${__value.raw}"}]}]},
 {"matcher":{"id":"byName","options":"Severity"},"properties":[{"id":"noValue","value":"–"},{"id":"mappings","value":[{"type":"value","options":{"page":{"text":"PAGE","color":"red","index":0}}}]},{"id":"custom.cellOptions","value":{"type":"color-background"}}]},
 {"matcher":{"id":"byName","options":"Alerts"},"properties":[{"id":"custom.hidden","value":true}]}]}`),
			[]string{`<th scope="col">SLO</th>`, `<th scope="col" class="n">Left</th>`, `>-10%</td>`, `<a href="#ballast-slo-detail" title="Detail">a</a>`, `href="http://127.0.0.1:9428/?q=b"`, `class=" painted" style="--c:var(--c-red);--on:var(--on-red)">PAGE</td>`, `>–</td>`, `width:42%`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			page, s := drawn(t, src, dashboard(t, tc.panel), nil)
			for _, want := range tc.want {
				if !strings.Contains(page, want) {
					t.Errorf("the page has no %s", want)
				}
			}
			if s.Panels != 1 || s.Empty != 0 || len(s.Failures) > 0 {
				t.Errorf("%+v", s)
			}
			if t.Failed() {
				_, body, _ := strings.Cut(page, "</style>")
				t.Log(body)
			}
		})
	}
}

func TestPagesAskForNothing(t *testing.T) {
	page, _ := drawn(t, answering{}, dashboard(t, panelJSON("stat", `"targets":[]`)), nil)
	for _, bad := range []string{"<script", "src=", "url(http", "@import", `rel="stylesheet"`, "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if !strings.Contains(page, "default-src 'none'") {
		t.Error("nothing keeps the page from asking")
	}
}

func TestAPanelSaysWhyItIsEmpty(t *testing.T) {
	stat := func(none string) string {
		return panelJSON("stat", `"targets":[{"refId":"A","expr":"left{a=\"$pod\"}","instant":true}],"fieldConfig":{"defaults":{"noValue":"`+none+`"}}`)
	}
	for name, tc := range map[string]struct {
		src      answering
		panel    string
		want     string
		failures int
	}{
		"no data":                         {answering{}, stat(""), `<div class="body none">No data</div>`, 0},
		"no data with a text of its own":  {answering{}, stat("No alert fires"), `<div class="body none">No alert fires</div>`, 0},
		"no answer":                       {answering{err: errors.New("prometheus is unreachable")}, stat(""), `<p class="failure">Query A: prometheus is unreachable</p>`, 3},
		"a kind that is not drawn":        {answering{}, panelJSON("piechart", `"targets":[{"refId":"A","expr":"x","instant":true}]`), `panels of the type &#34;piechart&#34; are not drawn here`, 1},
		"an unknown transformation":       {answering{series: map[string][]prom.Series{"x": {over(nil, 1, steady(1))}}}, panelJSON("table", `"transformations":[{"id":"joinByField"}],"targets":[{"refId":"A","expr":"x","instant":true}]`), `the transformation &#34;joinByField&#34; is not known here`, 1},
		"a mapping that is not known":     {answering{series: map[string][]prom.Series{"x": {over(nil, 1, steady(1))}}}, panelJSON("stat", `"targets":[{"refId":"A","expr":"x","instant":true}],"fieldConfig":{"defaults":{"mappings":[{"type":"regex","options":{}}]}}`), `a mapping: the type &#34;regex&#34; is not known here`, 1},
		"an override that is not known":   {answering{series: map[string][]prom.Series{"x": {over(nil, 1, steady(1))}}}, panelJSON("stat", `"targets":[{"refId":"A","expr":"x","instant":true}],"fieldConfig":{"overrides":[{"matcher":{"id":"byType","options":"number"}}]}`), `an override by &#34;byType&#34; is not known here`, 1},
		"a variable that has no value":    {answering{}, panelJSON("stat", `"targets":[{"refId":"A","expr":"x{a=\"$other\"}","instant":true}]`), `the variable &#34;other&#34; has no value`, 1},
		"several tables that none merges": {answering{series: map[string][]prom.Series{"x": {over(nil, 1, steady(1))}}}, panelJSON("table", `"targets":[{"refId":"A","expr":"x","instant":true},{"refId":"B","expr":"x","instant":true}]`), `2 queries give a table each`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			page, s := drawn(t, tc.src, dashboard(t, tc.panel), nil)
			if !strings.Contains(page, tc.want) || !strings.Contains(page, `>Panel</h3>`) {
				_, body, _ := strings.Cut(page, "</style>")
				t.Errorf("the page has no %s\n%s", tc.want, body)
			}
			if s.Panels != 1 || s.Empty != 1 || len(s.Failures) < tc.failures {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestVariablesAreWhatGrafanaOpensWithUnlessTheyAreChosen(t *testing.T) {
	src := answering{values: map[string][]string{"pod": {"pod-10", "pod-9"}, "slo": {"b", "a"}}}
	panel := panelJSON("stat", `"title":"Panel","targets":[{"refId":"A","expr":"x{pod=~\"$pod\",slo=\"$slo\"}","instant":true}]`)
	for name, tc := range map[string]struct {
		chosen map[string][]string
		want   []string
	}{
		"all, and the first": {nil, []string{`A: x{pod=~&#34;.*&#34;,slo=&#34;a&#34;}`, `<dt>Pod</dt><dd>All</dd>`, `<dt>SLO</dt><dd>a</dd>`, `<dt>Logs at</dt><dd>http://127.0.0.1:9428</dd>`}},
		"what is chosen":     {map[string][]string{"pod": {"pod-9", "pod-10"}, "slo": {"b"}, "logs": {"http://logs"}}, []string{`A: x{pod=~&#34;(pod-9|pod-10)&#34;,slo=&#34;b&#34;}`, `<dd>pod-9 &#43; pod-10</dd>`, `<dd>http://logs</dd>`}},
		"All by its name":    {map[string][]string{"pod": {"All"}}, []string{`A: x{pod=~&#34;.*&#34;,slo=&#34;a&#34;}`}},
	} {
		t.Run(name, func(t *testing.T) {
			page, _ := drawn(t, src, dashboard(t, panel), tc.chosen)
			for _, want := range tc.want {
				if !strings.Contains(page, want) {
					_, body, _ := strings.Cut(page, "</style>")
					t.Errorf("the page has no %s\n%s", want, body)
				}
			}
		})
	}
}

func TestARepeatedPanelIsThereForEachValueAndMovesTheOthersDown(t *testing.T) {
	src := answering{values: map[string][]string{"pod": {"a", "b", "c", "d", "e"}}}
	d := dashboard(t, `{"id":2,"type":"stat","title":"$pod","repeat":"pod","gridPos":{"h":4,"w":6,"x":0,"y":1}},
{"id":3,"type":"row","title":"Next","gridPos":{"h":1,"w":24,"x":0,"y":5}},{"id":4,"type":"stat","title":"Below","gridPos":{"h":4,"w":6,"x":0,"y":6}}`)
	v, err := newView(d, Config{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	v.ask(t.Context(), src)
	var got []string
	for _, p := range v.panels {
		got = append(got, strings.TrimSpace(strings.Join([]string{p.scope.words(p.Title), string(rune('0' + p.Grid.X/6)), string(rune('0' + p.Grid.Y%10)), string(rune('0' + p.Grid.Y/10))}, " ")))
	}
	want := "Now 0 0 0; a 0 1 0; b 1 1 0; c 2 1 0; d 3 1 0; e 0 5 0; Next 0 9 0; Below 0 0 1"
	if all := strings.Join(got, "; "); all != want {
		t.Errorf("got  %s\nwant %s", all, want)
	}
}

func TestAnAnnotationIsAStretchOrATime(t *testing.T) {
	at := func(minutes int, v float64) prom.Sample {
		return prom.Sample{T: now.Add(time.Duration(minutes) * time.Minute), V: v}
	}
	got := spansOf([]sample{at(0, 1), at(1, 1), at(2, 0), at(3, 1), at(9, 1)}, time.Minute, false)
	if len(got) != 3 || got[0].End.Sub(got[0].Start) != time.Minute || !got[2].Start.Equal(now.Add(9*time.Minute)) {
		t.Errorf("%v", got)
	}
	ended := float64(now.UnixMilli())
	got = spansOf([]sample{at(0, ended), at(1, ended), at(2, ended+1000)}, time.Minute, true)
	if len(got) != 2 || !got[0].Start.Equal(now) || !got[1].Start.Equal(now.Add(time.Second)) {
		t.Errorf("%v", got)
	}
}

func TestTheEndOfTheContextEndsTheQuestions(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Write(ctx, &strings.Builder{}, []lint.Dashboard{dashboard(t, panelJSON("stat", `"targets":[]`))}, Config{Source: answering{}, Now: now}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What the dashboards of this repository use, the preview draws: no kind, unit, colour,
// mapping, override or transformation is unknown to it.
func TestTheDashboardsUseNothingElse(t *testing.T) {
	for _, name := range []string{"slo-overview", "slo-detail", "monitor", "chaos", "platform"} {
		content, err := os.ReadFile("../../" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		d, err := lint.Parse(content)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			if problem := unknownTo(p); problem != "" {
				t.Errorf("%s: %s", d.Key(p), problem)
			}
		}
	}
}
