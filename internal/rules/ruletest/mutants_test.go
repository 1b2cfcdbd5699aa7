package ruletest_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/ballast-sre/ballast/internal/rules"
	"github.com/ballast-sre/ballast/internal/rules/ruletest"
	"github.com/ballast-sre/ballast/internal/slo"
)

// mutant is a rule with one change.
type mutant struct {
	change string
	rule   rulefmt.Rule
}

// mutantsOf are all mutants of a rule.
func mutantsOf(t *testing.T, r rulefmt.Rule) []mutant {
	t.Helper()
	var all []mutant
	for i := 0; ; i++ {
		expr, err := dialect().ParseExpr(r.Expr)
		if err != nil {
			t.Fatal(err)
		}
		change := mutate(expr, i)
		if change == "" {
			break
		}
		m := mutant{change, r}
		m.rule.Expr = expr.String()
		all = append(all, m)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		m := mutant{"without the label " + name, r}
		m.rule.Labels = maps.Clone(r.Labels)
		delete(m.rule.Labels, name)
		all = append(all, m)
	}
	if r.For > 0 {
		m := mutant{"half of for", r}
		m.rule.For /= 2
		all = append(all, m)
	}
	if r.KeepFiringFor > 0 {
		m := mutant{"half of keep_firing_for", r}
		m.rule.KeepFiringFor /= 2
		all = append(all, m)
	}
	return all
}

// mutate makes the change of that number in an expression and says what it is; empty when
// there are no more.
func mutate(expr parser.Expr, number int) (change string) {
	try := func(what string, do func()) {
		if number == 0 {
			do()
			change = what
		}
		number--
	}
	parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
		switch e := n.(type) {
		case *parser.NumberLiteral:
			if e.Val != 0 && !math.IsInf(e.Val, 0) {
				try(fmt.Sprintf("%g × 1.05 in %s", e.Val, outerOf(path)), func() { e.Val *= 1.05 })
			}
		case *parser.MatrixSelector:
			try("half of "+e.String(), func() { e.Range /= 2 })
		case *parser.SubqueryExpr:
			try("half of the range of "+e.String(), func() { e.Range /= 2 })
			try("half of the step of "+e.String(), func() { e.Step /= 2 })
		case *parser.AggregateExpr:
			for i, name := range e.Grouping {
				try("without "+name+" in "+e.String(), func() { e.Grouping = slices.Delete(slices.Clone(e.Grouping), i, i+1) })
			}
		case *parser.BinaryExpr:
			for _, op := range otherwise(e.Op) {
				try(fmt.Sprintf("%s for %s in %s", op, e.Op, e), func() { e.Op = op })
			}
			if e.VectorMatching == nil {
				break
			}
			for i, name := range e.VectorMatching.MatchingLabels {
				try("not matched on "+name+" in "+e.String(), func() {
					e.VectorMatching.MatchingLabels = slices.Delete(slices.Clone(e.VectorMatching.MatchingLabels), i, i+1)
				})
			}
		}
		return nil
	})
	return change
}

// outerOf is what a number is used by: the product that it is a part of is one number.
func outerOf(path []parser.Node) parser.Node {
	last := len(path) - 1
	for last > 0 {
		if b, ok := path[last].(*parser.BinaryExpr); !ok || b.Op != parser.MUL {
			break
		}
		last--
	}
	return path[last]
}

// otherwise are the operators that stand for another one by mistake.
func otherwise(op parser.ItemType) []parser.ItemType {
	switch op {
	case parser.LAND:
		return []parser.ItemType{parser.LOR, parser.LUNLESS}
	case parser.LOR:
		return []parser.ItemType{parser.LAND, parser.LUNLESS}
	case parser.LUNLESS:
		return []parser.ItemType{parser.LAND, parser.LOR}
	case parser.GTR:
		return []parser.ItemType{parser.GTE, parser.LSS}
	case parser.GTE:
		return []parser.ItemType{parser.GTR, parser.LSS}
	case parser.LSS:
		return []parser.ItemType{parser.LTE, parser.GTR}
	case parser.LTE:
		return []parser.ItemType{parser.LSS, parser.GTR}
	case parser.EQLC:
		return []parser.ItemType{parser.NEQ}
	case parser.NEQ:
		return []parser.ItemType{parser.EQLC}
	}
	return nil
}

// mutated are the SLOs whose rules are tried with mutants: those of this repository, and of
// SLOs on time one, or some. The others compute what they measure: what a mutant makes of
// such a query is for the most part no mistake in a rule.
func mutated(t *testing.T) map[string]slo.SLO {
	t.Helper()
	all := othersOnTime()
	for name := range all {
		computes := strings.HasPrefix(name, "a ratio") || strings.HasPrefix(name, "a rate")
		if name != underMutants && (computes || os.Getenv("BALLAST_MUTANTS") == "") {
			delete(all, name)
		}
	}
	for _, s := range committed(t) {
		all[s.Name] = s
	}
	return all
}

// The rules are held by their tests: whatever is changed in one, a test fails.
func TestNoMutantOfARuleSurvives(t *testing.T) {
	used := map[string]bool{}
	for name, s := range mutated(t) {
		t.Run(name, func(t *testing.T) {
			groups := rules.FromSLO(s)
			cases, err := ruletest.Cases(s, groups)
			if err != nil {
				t.Fatal(err)
			}
			engine := newEngine(t)
			var benches []*bench
			for _, c := range cases {
				b := newBench(t, engine, c)
				for _, failed := range b.run(t, groups) {
					t.Error(failed)
				}
				benches = append(benches, b)
			}
			for _, lack := range uncovered(t, groups, cases) {
				t.Error(lack)
			}
			if t.Failed() {
				t.FailNow() // mutants would die of the same
			}
			// The cheapest first: most mutants meet their end there.
			slices.SortStableFunc(benches, func(a, b *bench) int { return len(a.at) - len(b.at) })
			start, count := time.Now(), 0
			for _, g := range groups {
				for _, r := range g.Rules {
					for _, m := range mutantsOf(t, r) {
						count++
						killed := slices.ContainsFunc(benches, func(b *bench) bool { return b.kills(t, r, m.rule) })
						why := equivalent(s, r, m)
						used[why] = true
						switch {
						case !killed && why == "":
							t.Errorf("survives: %s%s %v: %s", r.Record, r.Alert, r.Labels, m.change)
						case killed && why != "":
							t.Errorf("listed as no change, and a test fails: %s%s %v: %s", r.Record, r.Alert, r.Labels, m.change)
						}
					}
				}
			}
			t.Logf("%d mutants, %s", count, time.Since(start))
		})
	}
	for _, e := range equivalents() {
		if !used[e.reason] && (!e.rare || os.Getenv("BALLAST_MUTANTS") != "") {
			t.Errorf("no mutant is one that %s; remove it from the list", e.reason)
		}
	}
}
