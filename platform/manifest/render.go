// Package manifest renders charts and kustomizations as Argo CD does, and checks the result
// against what the API server takes. It asks no cluster.
package manifest

import (
	"fmt"
	"maps"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
)

// Release is how a chart is installed.
type Release struct{ Name, Namespace string }

// Render returns what the templates of a chart print, by their names. A value that the chart
// has not is an error, and not nothing, when strict is set: charts of others may count on the
// opposite.
func Render(ch *chart.Chart, values map[string]any, r Release, strict bool) (map[string]string, error) {
	values = maps.Clone(values)
	if values == nil {
		values = map[string]any{}
	}
	if err := chartutil.ProcessDependencies(ch, values); err != nil {
		return nil, fmt.Errorf("the chart's dependencies: %w", err)
	}
	// The chart's schema, where it has one, refuses values here.
	all, err := util.ToRenderValues(ch, values, common.ReleaseOptions{
		Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true,
	}, common.DefaultCapabilities)
	if err != nil {
		return nil, fmt.Errorf("the values do not fit the chart: %w", err)
	}
	texts, err := engine.Engine{Strict: strict}.Render(ch, all)
	if err != nil {
		return nil, fmt.Errorf("the chart does not render: %w", err)
	}
	return texts, nil
}
