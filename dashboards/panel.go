package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// kind is how a panel draws. The preview and the checks know these and no other.
type kind string

const (
	kindStat     kind = "stat"
	kindGauge    kind = "gauge"
	kindTable    kind = "table"
	kindSeries   kind = "timeseries"
	kindTimeline kind = "state-timeline"
	kindBars     kind = "bargauge"
)

// panel is one panel, as its author says it.
type panel struct {
	kind  kind
	title string
	// about says what is shown, what is bad, and what an empty panel means.
	about string
	unit  string
	// decimals are how many a value has; nil leaves it to Grafana, which writes three digits.
	decimals *int
	w, h     uint32 // in cells of the grid, which is 24 wide
	// queries are drawn together. All but those of time series and timelines are asked at
	// the end of the range alone: the last value of a series that ended is not a value of now.
	queries []query
	steps   []step  // colours by value, ascending
	states  []state // text and colour of single values
	// limits are the least and the greatest value of the axis or gauge.
	limits *[2]float64
	// named is the label that names the values of bars. Grafana leaves the legend of a single
	// one out.
	named string
	// none is shown where there is no data.
	none    string
	links   []link
	columns []column // of a table
	sort    sorting  // of a table
	stacked bool
	log     bool // a logarithmic axis
	dashed  string
	repeat  string // a variable, for each of whose values there is a panel
}

// query is one expression in the language of the source.
type query struct {
	expr   string
	legend string
}

// step is the colour of values from a limit on; the first has none.
type step struct {
	from  float64
	color string
}

// state is the text and colour of one value: a number, or a label's text (of). NaN cannot be
// one: Grafana leaves it out of what it shows as the last value.
type state struct {
	value float64
	of    string
	text  string
	color string
}

// link leads from a panel, or a cell, to another page. Its URL keeps variables of Grafana.
type link struct{ title, url string }

// sorting is by which column a table is sorted at first.
type sorting struct {
	column string
	desc   bool
}

// Sizes, in cells of the grid.
const (
	gridWidth   = 24
	rowHeight   = 1
	tileHeight  = 4
	chartHeight = 8
)

// build makes Grafana's panel. Its place is given later.
func (p panel) build(src source, id uint32) (dashboard.Panel, error) {
	if p.about == "" || p.title == "" {
		return dashboard.Panel{}, fmt.Errorf("panel %q: title and description must be there", p.title)
	}
	ref := src.ref()
	out := dashboard.Panel{
		Type: string(p.kind), Id: &id, Title: &p.title, Description: &p.about, Datasource: &ref,
		GridPos: &dashboard.GridPos{W: p.w, H: p.h}, Options: p.options(),
		FieldConfig: &dashboard.FieldConfigSource{Defaults: p.defaults(), Overrides: p.overrides()},
	}
	for i, q := range p.queries {
		out.Targets = append(out.Targets, p.target(src, refID(i), q))
	}
	for _, l := range p.links {
		out.Links = append(out.Links, l.build())
	}
	if p.kind == kindTable {
		out.Transformations = p.transformations()
	}
	if p.repeat != "" {
		direction, perRow := dashboard.PanelRepeatDirectionH, 4.0
		out.Repeat, out.RepeatDirection, out.MaxPerRow = &p.repeat, &direction, &perRow
	}
	return out, nil
}

// refID names the queries of a panel A, B and so on, as Grafana does.
func refID(i int) string { return string(rune('A' + i)) }

// target asks over the range where the panel shows one, and at its end elsewhere.
func (p panel) target(src source, ref string, q query) variants.Dataquery {
	switch p.kind {
	case kindSeries, kindTimeline:
		return src.overTime(ref, q)
	case kindTable:
		return src.rows(ref, q)
	default:
		return src.now(ref, q)
	}
}

func (l link) build() dashboard.DashboardLink {
	d := dashboard.NewDashboardLink()
	d.Title, d.Type, d.Url = l.title, dashboard.DashboardLinkTypeLink, cog.ToPtr(l.url)
	return *d
}
