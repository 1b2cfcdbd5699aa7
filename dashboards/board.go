package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// board is one dashboard, as its author says it.
type board struct {
	uid, title, about string
	// from is how far back it looks at first, such as "now-6h".
	from      string
	variables []variable
	logs      bool // whether there are links to logs
	marks     []mark
	rows      []row
}

// row is a headline and the panels below it, which fill the grid from the left.
type row struct {
	title  string
	panels []panel
}

// variable is what the reader chooses: the values that a label has among the series of a
// selector. Several may be chosen, or all, unless it is single.
type variable struct {
	name, label, about string
	of                 string // the label
	selector           string
	single             bool
}

// mark is something that happened, drawn into every chart.
type mark struct {
	name, color string
	// expr is above 0 while it goes on; with at, its values are the times, in milliseconds.
	expr, title, text string
	at                bool
}

// build makes Grafana's dashboard.
func (b board) build(src source) (dashboard.Dashboard, error) {
	d := dashboard.NewDashboard()
	d.Uid, d.Title, d.Description = &b.uid, &b.title, &b.about
	d.Tags, d.Editable = []string{"ballast"}, cog.ToPtr(false)
	d.Timezone, d.GraphTooltip = cog.ToPtr("browser"), cog.ToPtr(dashboard.DashboardCursorSyncCrosshair)
	d.Time, d.Refresh = &dashboard.DashboardDashboardTime{From: b.from, To: "now"}, cog.ToPtr("1m")
	d.Templating.List = b.templating(src)
	d.Annotations.List = b.annotations(src)
	d.Links = navigation()
	panels, err := b.place(src)
	if err != nil {
		return dashboard.Dashboard{}, fmt.Errorf("dashboard %s: %w", b.uid, err)
	}
	d.Panels = panels
	if err := d.Validate(); err != nil {
		return dashboard.Dashboard{}, fmt.Errorf("dashboard %s: %w", b.uid, err)
	}
	return *d, nil
}

// place numbers the panels and puts them on the grid.
func (b board) place(src source) ([]dashboard.PanelOrRowPanel, error) {
	var (
		out []dashboard.PanelOrRowPanel
		id  uint32
		y   uint32
	)
	for _, r := range b.rows {
		id++
		head := dashboard.NewRowPanel()
		head.Id, head.Title, head.Panels = id, &r.title, []dashboard.Panel{}
		head.GridPos = &dashboard.GridPos{H: rowHeight, W: gridWidth, Y: y}
		out = append(out, dashboard.PanelOrRowPanel{RowPanel: head})
		y += rowHeight
		var x, tallest uint32
		for _, p := range r.panels {
			id++
			built, err := p.build(src, id)
			if err != nil {
				return nil, err
			}
			if x+p.w > gridWidth {
				x, y, tallest = 0, y+tallest, 0
			}
			built.GridPos.X, built.GridPos.Y = x, y
			x, tallest = x+p.w, max(tallest, p.h)
			out = append(out, dashboard.PanelOrRowPanel{Panel: &built})
		}
		y += tallest
	}
	return out, nil
}

func (b board) templating(src source) []dashboard.VariableModel {
	ds := dashboard.NewVariableModel()
	ds.Type, ds.Name, ds.Label = dashboard.VariableTypeDatasource, datasourceVariable, cog.ToPtr("Data source")
	ds.Query = &dashboard.StringOrMap{String: cog.ToPtr(src.plugin())}
	ds.Multi, ds.IncludeAll = cog.ToPtr(false), cog.ToPtr(false)
	ds.Refresh = cog.ToPtr(dashboard.VariableRefreshOnDashboardLoad)
	out := []dashboard.VariableModel{*ds}
	for _, v := range b.variables {
		out = append(out, v.build(src))
	}
	if b.logs {
		logs := dashboard.NewVariableModel()
		logs.Type, logs.Name, logs.Label = dashboard.VariableTypeTextbox, logsVariable, cog.ToPtr("Logs at")
		logs.Description = cog.ToPtr("Address of VictoriaLogs as your browser reaches it, for the links to logs.")
		logs.Query = &dashboard.StringOrMap{String: cog.ToPtr(logsAddress)}
		out = append(out, *logs)
	}
	return out
}

// build makes a variable that is asked for anew with each range of time, as its values
// come and go.
func (v variable) build(src source) dashboard.VariableModel {
	m := dashboard.NewVariableModel()
	ref, query := src.ref(), src.values(v.of, v.selector)
	m.Type, m.Name, m.Label, m.Description = dashboard.VariableTypeQuery, v.name, &v.label, &v.about
	m.Datasource, m.Query, m.Definition = &ref, &query, query.String
	m.Refresh, m.Sort = cog.ToPtr(dashboard.VariableRefreshOnTimeRangeChanged), cog.ToPtr(dashboard.VariableSortNaturalAsc)
	m.Multi, m.IncludeAll = cog.ToPtr(!v.single), cog.ToPtr(!v.single)
	if !v.single {
		// A series without the label is one of all.
		m.AllValue = cog.ToPtr(".*")
		all := func(s string) dashboard.StringOrArrayOfString {
			return dashboard.StringOrArrayOfString{ArrayOfString: []string{s}}
		}
		m.Current = &dashboard.VariableOption{Selected: cog.ToPtr(true), Text: all("All"), Value: all("$__all")}
	}
	return *m
}

func (b board) annotations(src source) []dashboard.AnnotationQuery {
	out := []dashboard.AnnotationQuery{}
	for _, m := range b.marks {
		ref := src.ref()
		out = append(out, dashboard.AnnotationQuery{
			Name: m.name, Datasource: &ref, Enable: true, IconColor: m.color, Expr: &m.expr, Target: src.mark(m.expr),
			TitleFormat: &m.title, TextFormat: &m.text, UseValueForTime: &m.at,
		})
	}
	return out
}

// navigation leads to the other dashboards, over the same time.
func navigation() []dashboard.DashboardLink {
	l := dashboard.NewDashboardLink()
	l.Title, l.Type, l.Tags = "Ballast", dashboard.DashboardLinkTypeDashboards, []string{"ballast"}
	l.AsDropdown, l.KeepTime, l.IncludeVars = true, true, false
	return []dashboard.DashboardLink{*l}
}

// encode writes the JSON that is committed.
func encode(d dashboard.Dashboard) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		return nil, fmt.Errorf("encode dashboard: %w", err)
	}
	return b.Bytes(), nil
}
