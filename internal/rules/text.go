package rules

import (
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// RunbookBase is where the runbooks of this repository are read.
const RunbookBase = "https://github.com/ballast-sre/ballast/blob/main/docs/runbooks/"

// runbook is where the runbook of an alert is read.
func (o Options) runbook(alert string) string {
	base := o.RunbookBase
	if base == "" {
		base = RunbookBase
	}
	return strings.TrimSuffix(base, "/") + "/" + alert + ".md"
}

// ownPrefix begins annotations that are instructions to the generator.
const ownPrefix = "ballast.dev/"

// annotations are those of the document and the alert's own, which go first.
func (g generator) annotations(alert, summary, description string) map[string]string {
	all := map[string]string{}
	for name, value := range g.slo.Annotations {
		if !strings.HasPrefix(name, ownPrefix) {
			all[labelName(name)] = literal(value)
		}
	}
	own := map[string]string{"summary": summary, "description": description, "runbook_url": g.options.runbook(alert)}
	if g.slo.RunbookURL != "" {
		own["runbook_url"] = literal(g.slo.RunbookURL)
	}
	maps.Copy(all, own)
	return all
}

// title is how texts name the SLO.
func (g generator) title() string {
	if g.slo.DisplayName != "" {
		return literal(g.slo.DisplayName)
	}
	return g.slo.Name
}

// literal keeps a text that others wrote from being read as a template.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }

// labelName is the name that every reader of rules takes for the one in a document:
// app.kubernetes.io/name is app_kubernetes_io_name.
func labelName(name string) string {
	mapped := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return '_'
	}, name)
	if mapped != "" && mapped[0] >= '0' && mapped[0] <= '9' {
		return "_" + mapped
	}
	return mapped
}

// window prints a duration as PromQL does: 5m, 1h, 3d; 30d and not 1mo.
func window(d time.Duration) string { return model.Duration(d).String() }

// number prints f without the noise of its binary form: 1 − 0.999 is 0.001. The
// noise of a difference from 1 is below the twelfth decimal, however small the
// difference.
func number(f float64) string {
	const decimals = 12
	text := strconv.FormatFloat(f, 'f', decimals, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func percent(f float64) string { return number(100*f) + "%" }

func round(f float64, decimals int) float64 {
	unit := math.Pow10(decimals)
	return math.Round(f*unit) / unit
}

// camelCase turns monitor-availability into MonitorAvailability.
func camelCase(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}
