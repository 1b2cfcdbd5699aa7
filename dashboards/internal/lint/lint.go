package lint

import (
	"cmp"
	"slices"
)

// maxBytes keeps a dashboard within a ConfigMap beside its labels, and readable.
const maxBytes = 200_000

// Check finds all that is wrong, in the order of the panels.
func Check(content []byte) ([]Problem, error) {
	d, err := Parse(content)
	if err != nil {
		return nil, err
	}
	c := &checker{Dashboard: d}
	if len(content) >= maxBytes {
		c.add("size", "", "it has %d bytes, and must have fewer than %d", len(content), maxBytes)
	}
	c.dashboard()
	c.grid()
	c.variables()
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		c.panel(p)
		c.colours(p)
		for _, t := range p.Targets {
			c.target(p, t)
		}
	}
	c.annotations()
	slices.SortStableFunc(c.problems, func(a, b Problem) int { return cmp.Compare(a.Panel, b.Panel) })
	return c.problems, nil
}

// checker collects the problems of one dashboard.
type checker struct {
	Dashboard
	problems []Problem
}
