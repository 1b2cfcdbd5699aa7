package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// source is where the data come from: how a query is written for it. Which one of its
// kind answers is a variable of each dashboard, so that no dashboard holds an address.
type source interface {
	// plugin is the identifier of Grafana's plugin.
	plugin() string
	ref() common.DataSourceRef
	// overTime asks for the range of the dashboard, now for its end, and rows for its end
	// as the rows of a table.
	overTime(ref string, q query) variants.Dataquery
	now(ref string, q query) variants.Dataquery
	rows(ref string, q query) variants.Dataquery
	// values lists what a label has among the series of a selector.
	values(label, selector string) dashboard.StringOrMap
	// mark asks for annotations.
	mark(expr string) variants.Dataquery
}

// datasourceVariable is the variable that names the data source.
const datasourceVariable = "datasource"

// promSource is any Prometheus: the chart's, or Azure Monitor's managed one.
type promSource struct{}

func (promSource) plugin() string { return "prometheus" }

func (s promSource) ref() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr(s.plugin()), Uid: cog.ToPtr("${" + datasourceVariable + "}")}
}

func (s promSource) query(ref string, q query, instant bool, format prometheus.PromQueryFormat) variants.Dataquery {
	d := s.ref()
	out := prometheus.Dataquery{
		Datasource: &d, RefId: &ref, Expr: q.expr, Format: &format,
		EditorMode: cog.ToPtr(prometheus.QueryEditorModeCode), Instant: &instant, Range: cog.ToPtr(!instant),
	}
	if q.legend != "" {
		out.LegendFormat = &q.legend
	}
	return out
}

func (s promSource) overTime(ref string, q query) variants.Dataquery {
	return s.query(ref, q, false, prometheus.PromQueryFormatTimeSeries)
}

func (s promSource) now(ref string, q query) variants.Dataquery {
	return s.query(ref, q, true, prometheus.PromQueryFormatTimeSeries)
}

func (s promSource) rows(ref string, q query) variants.Dataquery {
	return s.query(ref, q, true, prometheus.PromQueryFormatTable)
}

func (s promSource) values(label, selector string) dashboard.StringOrMap {
	return dashboard.StringOrMap{String: cog.ToPtr("label_values(" + selector + ", " + label + ")")}
}

func (s promSource) mark(expr string) variants.Dataquery {
	return s.query("Anno", query{expr: expr}, false, prometheus.PromQueryFormatTimeSeries)
}
