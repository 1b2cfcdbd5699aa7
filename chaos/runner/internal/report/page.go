package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

// page is what the HTML template writes down. Everything in it is text or laid
// out: the template decides nothing.
type page struct {
	Title    string
	Verdict  result.Verdict
	Headline string
	Lede     string
	Counts   []verdictCount
	Glance   glance
	Facts    []fact
	Notes    []string
	Runs     []runPage
	Command  string
	Modules  []fact
	Cluster  []fact // empty on target local
	Matrix   *matrixPage
}

type verdictCount struct {
	Verdict result.Verdict
	N       int
}

func newPage(r result.Report) page {
	p := page{
		Title:    headline(r),
		Verdict:  r.Verdict,
		Headline: headline(r),
		Lede:     lede(r),
		Notes:    r.Target.Notes,
		Command:  commandLine(r),
		Matrix:   newMatrix(r),
	}
	counts := tally(r.Experiments)
	order := result.Verdicts()
	slices.Reverse(order)
	for _, v := range order {
		if counts[v] > 0 {
			p.Counts = append(p.Counts, verdictCount{v, counts[v]})
		}
	}
	p.Facts = []fact{
		{Name: "Where", Value: where(r.Target), More: fmt.Sprintf("%s/%s, %s", r.Tool.OS, r.Tool.Arch, chart.Plural(r.Tool.CPUs, "CPU"))},
		{Name: "When", Value: r.Started.UTC().Format("2 January 2006, 15:04:05") + " UTC", More: "took " + chart.Seconds(r.Ended.Sub(r.Started).Seconds())},
		{Name: "Measured", Value: "every " + chart.Seconds(float64(r.Target.ScrapeInterval)), More: "rules every " + chart.Seconds(float64(r.Target.EvaluationInterval)) + scaleNote(r.Target.AlertScale)},
		{Name: "With", Value: "ballast " + r.Tool.Version, More: strings.TrimSpace(shortRevision(r.Tool.Revision) + " " + r.Tool.Go)},
	}
	if r.Target.Cluster != nil {
		for _, c := range properties(*r.Target.Cluster, r.Ended) {
			p.Cluster = append(p.Cluster, fact{Name: c.name, Value: c.value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Tool.Modules)) {
		p.Modules = append(p.Modules, fact{Name: name, Value: r.Tool.Modules[name]})
	}
	for i, run := range r.Experiments {
		p.Runs = append(p.Runs, newRunPage(i, run, r))
	}
	// What needs attention comes first.
	slices.SortStableFunc(p.Runs, func(a, b runPage) int {
		return cmp.Compare(slices.Index(result.Verdicts(), a.Verdict), slices.Index(result.Verdicts(), b.Verdict))
	})
	p.Glance = newGlance(p.Runs, r.Target)
	return p
}

func where(t result.TargetInfo) string {
	if t.Kind == result.TargetLocal {
		return "local: processes on one machine"
	}
	if t.Cluster != nil {
		return t.Kind + ": " + t.Cluster.Context
	}
	return t.Kind
}

func scaleNote(scale float64) string {
	if scale == 0 || scale == 1 {
		return ""
	}
	return ", alert windows divided by " + chart.Significant(scale, 6)
}

// shortRevision keeps enough of a commit to find it, and the mark of changes.
func shortRevision(rev string) string {
	hash, dirty, changed := strings.Cut(rev, "+")
	hash = hash[:min(12, len(hash))]
	if changed {
		return hash + "+" + dirty
	}
	return hash
}
