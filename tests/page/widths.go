package page

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// phone is the narrowest window that WCAG asks pages to flow into.
const phone = 320

// length is one that does not follow the window.
var length = regexp.MustCompile(`^([\d.]+)(px|rem|em|ch)$`)

// Widths finds what a phone has no room for: fixed widths, tables that are neither cards nor
// can be scrolled, and cells of cards without the name of their column.
func (p *Page) Widths() ([]string, error) {
	s, err := p.in(View{Width: phone})
	if err != nil {
		return nil, err
	}
	var problems []string
	scrolls := func(n *html.Node) bool {
		values := s.specified(n)
		return slices.ContainsFunc([]string{values["overflow"], values["overflow-x"]}, func(v string) bool {
			return v == "auto" || v == "scroll" || v == "hidden"
		})
	}
	for _, n := range p.all {
		if within(n, scrolls) || !s.shown(n) {
			continue
		}
		values := s.specified(n)
		for _, property := range []string{"width", "min-width"} {
			m := length.FindStringSubmatch(values[property])
			if m == nil {
				continue
			}
			got, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", values[property], err)
			}
			if m[2] != "px" {
				got *= 16
			}
			if got > phone-32 {
				problems = append(problems, fmt.Sprintf("%s: %s is %s, in a window of %d px", where(n), property, values[property], phone))
			}
		}
		if n.DataAtom == atom.Pre && !strings.HasPrefix(values["white-space"], "pre-wrap") {
			problems = append(problems, where(n)+": lines that neither wrap nor can be scrolled")
		}
		if n.DataAtom == atom.Table {
			problems = append(problems, s.narrow(n)...)
		}
	}
	return found(problems), s.err
}

// fewColumns is how many short columns a phone has room for.
const fewColumns = 3

// narrow looks at a table on a phone.
func (s *styled) narrow(table *html.Node) []string {
	var problems []string
	for n := range table.Descendants() {
		if n.DataAtom != atom.Tr || n.Parent.DataAtom == atom.Thead {
			continue
		}
		var cells []*html.Node
		for c := range n.ChildNodes() {
			if c.DataAtom == atom.Td || c.DataAtom == atom.Th {
				cells = append(cells, c)
			}
		}
		if s.specified(n)["display"] != "block" {
			if len(cells) > fewColumns {
				problems = append(problems, fmt.Sprintf("%s: %d columns beside each other on a phone", where(table), len(cells)))
			}
			continue
		}
		// Its head is hidden then. One cell is the headline of the card.
		unnamed := 0
		for _, c := range cells {
			if attr(c, "data-label") == "" {
				unnamed++
			}
		}
		if unnamed > 2 {
			problems = append(problems, fmt.Sprintf("%s: %d cells of a card do not say what they are", where(table), unnamed))
		}
	}
	return problems
}

// Queries finds what a page does not ask of the reader's system: a narrow and a wide layout,
// dark colours, and rest for those who want no motion, where something moves.
func (p *Page) Queries() []string {
	var problems []string
	has := func(media string) bool {
		return slices.ContainsFunc(p.rules, func(r rule) bool { return strings.HasPrefix(r.media, media) })
	}
	for _, media := range []string{"(prefers-color-scheme: dark)", "(max-width:", "print"} {
		if !has(media) {
			problems = append(problems, "no rule is for "+media)
		}
	}
	moves, grows, focus := "", has("(min-width:"), map[string]bool{}
	for _, r := range p.rules {
		for _, d := range r.values {
			switch {
			case d.property == "transition" || d.property == "animation" || d.property == "scroll-behavior" && d.value == "smooth":
				moves = r.text + " " + d.property
			case d.property == "font-size" && (r.text == "html" || r.text == "body") && strings.Contains(d.value, "vw"):
				grows = true
			}
			before, state, ok := strings.Cut(r.text, ":focus")
			if d.property == "outline" && (d.value == "none" || d.value == "0") {
				problems = append(problems, r.text+": the keyboard's place is not shown")
			} else if ok && d.property == "outline" && state != "" {
				focus[before] = true
			}
		}
	}
	if moves != "" && !has("(prefers-reduced-motion: reduce)") {
		problems = append(problems, moves+" moves the page also for those who asked for rest")
	}
	if !grows {
		problems = append(problems, "texts are no larger on a wall screen")
	}
	for _, n := range p.all {
		if !focusable(n) {
			continue
		}
		kind := n.Data
		if _, ok := lookup(n, "tabindex"); ok && n.DataAtom != atom.A && n.DataAtom != atom.Summary {
			kind = "[tabindex]"
		}
		if !focus[kind] {
			problems = append(problems, fmt.Sprintf("no rule shows when the keyboard is at %s", kind))
		}
	}
	return found(problems)
}
