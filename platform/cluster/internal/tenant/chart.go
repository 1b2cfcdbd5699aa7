package tenant

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/promql/parser"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	podsecurity "k8s.io/pod-security-admission/policy"

	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/platform/policy"
)

// rendered is one object, and the template that printed it.
type rendered struct {
	template string
	object   policy.Object
}

// checkChart renders the chart as Argo CD does, and looks at everything that comes of it.
func (c *checker) checkChart(s *Summary, routes rules.Routes) {
	dir := c.in.Chart
	if dir == "" {
		dir = filepath.Join(c.in.Checkout, filepath.FromSlash(c.application.Spec.Source.Path))
	}
	texts, err := c.render(dir)
	if err != nil {
		c.ofChart(dir, "%v", err)
		return
	}
	all := c.decode(texts)
	s.Objects = len(all)
	for _, r := range all {
		c.checkObject(r)
		if rule, ok := r.object.(*monitoringv1.PrometheusRule); ok {
			s.Alerts += c.checkRules(r.template, rule, routes)
		}
	}
	s.Pods = c.checkPods(all)
}

func (c *checker) render(dir string) (map[string]string, error) {
	ch, err := loader.LoadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("the chart cannot be read: %w; where it is in another repository, name its directory with --chart", err)
	}
	src := c.application.Spec.Source.Helm
	values := maps.Clone(src.ValuesObject)
	if values == nil {
		values = map[string]any{}
	}
	if err := chartutil.ProcessDependencies(ch, values); err != nil {
		return nil, fmt.Errorf("the chart's dependencies: %w", err)
	}
	name := src.ReleaseName
	if name == "" {
		name = c.application.Metadata.Name
	}
	// The chart's schema, where it has one, refuses values here.
	all, err := util.ToRenderValues(ch, values, common.ReleaseOptions{
		Name: name, Namespace: c.application.Spec.Destination.Namespace, Revision: 1, IsInstall: true,
	}, common.DefaultCapabilities)
	if err != nil {
		return nil, fmt.Errorf("the values do not fit the chart: %w", err)
	}
	// Strict: a value that does not exist is an error, and not nothing.
	texts, err := engine.Engine{Strict: true}.Render(ch, all)
	if err != nil {
		return nil, fmt.Errorf("the chart does not render: %w", err)
	}
	return texts, nil
}

// decode reads what was printed into the types that the API server has.
func (c *checker) decode(texts map[string]string) []rendered {
	scheme, err := policy.Scheme()
	if err != nil {
		c.ofChart(c.in.File, "%v", err)
		return nil
	}
	var all []rendered
	for _, template := range slices.Sorted(maps.Keys(texts)) {
		if path.Base(template) == "NOTES.txt" {
			continue
		}
		docs, broken := policy.Documents(texts[template])
		for _, doc := range docs {
			o, err := policy.Decode(scheme, doc)
			if err != nil {
				c.ofChart(template, "the API server would not take it as it is meant: %s", strings.Join(strings.Fields(err.Error()), " "))
				continue
			}
			all = append(all, rendered{template, o})
		}
		if broken != nil {
			c.ofChart(template, "it prints no YAML: %v", broken)
		}
	}
	if len(all) == 0 {
		c.ofChart(c.in.File, "the chart prints no object")
	}
	return all
}

// checkObject holds an object to the project.
func (c *checker) checkObject(r rendered) {
	id := r.object.GetObjectKind().GroupVersionKind()
	allowed := slices.ContainsFunc(c.project.Spec.NamespaceResourceWhitelist, func(k kind) bool { return k.Group == id.Group && k.Kind == id.Kind })
	refused := slices.ContainsFunc(c.project.Spec.NamespaceResourceBlacklist, func(k kind) bool { return k.Group == id.Group && k.Kind == id.Kind })
	if !allowed || refused {
		c.ofChart(r.template, "project %s refuses the %s %s; allow {group: %q, kind: %s}, or leave it out", c.project.Metadata.Name, id.Kind, r.object.GetName(), id.Group, id.Kind)
	}
	if n := r.object.GetNamespace(); n != "" && n != c.application.Spec.Destination.Namespace {
		c.ofChart(r.template, "the %s %s goes to namespace %s, which project %s refuses; leave the namespace out", id.Kind, r.object.GetName(), n, c.project.Metadata.Name)
	}
}

// checkPods holds the pods to what their namespace enforces, and to what the node needs to
// know of them. It returns how many workloads have pods.
func (c *checker) checkPods(all []rendered) int {
	evaluator, err := podsecurity.NewEvaluator(podsecurity.DefaultChecks(), nil)
	if err != nil {
		c.ofChart(c.in.File, "pod security: %v", err)
		return 0
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	n := 0
	for _, r := range all {
		for _, p := range policy.Pods([]policy.Object{r.object}) {
			n++
			result := podsecurity.AggregateCheckResults(evaluator.EvaluatePod(level, &metav1.ObjectMeta{Labels: p.Labels}, &p.Spec))
			if !result.Allowed {
				c.ofChart(r.template, "%s: pods of a restricted namespace may not have this: %s", p.ID, result.ForbiddenDetail())
			}
			for _, rule := range policy.Rules() {
				// A quota counts these; the rest is what pod security says.
				if rule.Name != "says what it needs" && rule.Name != "runs an image that is pinned" {
					continue
				}
				for _, problem := range rule.Check(p) {
					c.ofChart(r.template, "%s: a pod %s: this %s", p.ID, rule.Name, problem)
				}
			}
		}
	}
	return n
}

// checkRules looks whether somebody is told of each alert. It returns how many there are.
func (c *checker) checkRules(template string, object *monitoringv1.PrometheusRule, routes rules.Routes) int {
	n := 0
	for _, group := range object.Spec.Groups {
		for _, r := range group.Rules {
			name := r.Record + r.Alert
			if _, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr.String()); err != nil {
				c.ofChart(template, "%s: %v", name, err)
			}
			if r.Alert == "" {
				continue
			}
			n++
			labels := maps.Clone(r.Labels)
			if labels == nil {
				labels = map[string]string{}
			}
			labels["alertname"] = r.Alert
			taken, err := routes.Take(labels)
			switch {
			case err != nil:
				c.ofChart(template, "%s: %v", r.Alert, err)
			case !taken:
				c.ofChart(template, "no route takes the alert %s with severity %q, so that nobody gets it; want page or ticket", r.Alert, r.Labels[rules.LabelSeverity])
			}
		}
	}
	return n
}
