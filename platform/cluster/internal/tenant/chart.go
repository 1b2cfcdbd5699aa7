package tenant

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/promql/parser"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"k8s.io/pod-security-admission/api"

	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/platform/manifest"
	"github.com/ballast-sre/ballast/platform/policy"
)

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
		if rule, ok := r.Object.(*monitoringv1.PrometheusRule); ok {
			s.Alerts += c.checkRules(r.Template, rule, routes)
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
	return manifest.Render(ch, src.ValuesObject, manifest.Release{
		Name: cmp.Or(src.ReleaseName, c.application.Metadata.Name), Namespace: c.application.Spec.Destination.Namespace,
	}, true)
}

// decode reads what was printed into the types that the API server has.
func (c *checker) decode(texts map[string]string) []manifest.Object {
	scheme, err := policy.Scheme()
	if err != nil {
		c.ofChart(c.in.File, "%v", err)
		return nil
	}
	all, problems := manifest.Decode(scheme, texts)
	c.problems = append(c.problems, problems...)
	if len(all) == 0 {
		c.ofChart(c.in.File, "the chart prints no object")
	}
	return all
}

// checkObject holds an object to the project.
func (c *checker) checkObject(r manifest.Object) {
	for _, problem := range manifest.Check(r.Object) {
		c.ofChart(r.Template, "%s: the API server would refuse it: %s", r.Kind(), problem)
	}
	id := r.GetObjectKind().GroupVersionKind()
	allowed := slices.ContainsFunc(c.project.Spec.NamespaceResourceWhitelist, func(k kind) bool { return k.Group == id.Group && k.Kind == id.Kind })
	refused := slices.ContainsFunc(c.project.Spec.NamespaceResourceBlacklist, func(k kind) bool { return k.Group == id.Group && k.Kind == id.Kind })
	if !allowed || refused {
		c.ofChart(r.Template, "project %s refuses the %s %s; allow {group: %q, kind: %s}, or leave it out", c.project.Metadata.Name, id.Kind, r.GetName(), id.Group, id.Kind)
	}
	if n := r.GetNamespace(); n != "" && n != c.application.Spec.Destination.Namespace {
		c.ofChart(r.Template, "the %s %s goes to namespace %s, which project %s refuses; leave the namespace out", id.Kind, r.GetName(), n, c.project.Metadata.Name)
	}
}

// checkPods holds the pods to what their namespace enforces, and to what the node needs to
// know of them. It returns how many workloads have pods.
func (c *checker) checkPods(all []manifest.Object) int {
	security, err := manifest.NewSecurity()
	if err != nil {
		c.ofChart(c.in.File, "%v", err)
		return 0
	}
	n := 0
	for _, r := range all {
		for _, p := range policy.Pods([]policy.Object{r.Object}) {
			n++
			if detail := security.Forbids(api.LevelRestricted, p); detail != "" {
				c.ofChart(r.Template, "%s: pods of a restricted namespace may not have this: %s", p.ID, detail)
			}
			for _, rule := range policy.Rules() {
				// A quota counts these; the rest is what pod security says.
				if rule.Name != "says what it needs" && rule.Name != "runs an image that is pinned" {
					continue
				}
				for _, problem := range rule.Check(p) {
					c.ofChart(r.Template, "%s: a pod %s: this %s", p.ID, rule.Name, problem)
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
