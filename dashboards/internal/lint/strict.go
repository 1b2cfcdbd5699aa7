package lint

import (
	"errors"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/gauge"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// Strict decodes the JSON with Grafana's own schema, its panels' and its data sources'
// included: an unknown or a missing field is an error.
func Strict(content []byte) error {
	register()
	d := dashboard.NewDashboard()
	// The library returns an error without errors for what is sound.
	var found cog.BuildErrors
	if err := d.UnmarshalJSONStrict(content); err != nil && (!errors.As(err, &found) || len(found) > 0) {
		return fmt.Errorf("decode strictly: %w", err)
	}
	return nil
}

// register makes the plugins known that the dashboards use. Without them the options of
// panels and the fields of queries are not looked at. All of the library's would be forty
// packages to compile; Check finds a panel or a data source of another kind.
func register() {
	r := cog.NewRuntime()
	r.RegisterPanelcfgVariant(bargauge.VariantConfig())
	r.RegisterPanelcfgVariant(gauge.VariantConfig())
	r.RegisterPanelcfgVariant(stat.VariantConfig())
	r.RegisterPanelcfgVariant(statetimeline.VariantConfig())
	r.RegisterPanelcfgVariant(table.VariantConfig())
	r.RegisterPanelcfgVariant(timeseries.VariantConfig())
	r.RegisterDataqueryVariant(prometheus.VariantConfig())
}
