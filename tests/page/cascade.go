package page

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// styled are the values of elements in a view, without what is inherited.
type styled struct {
	page  *Page
	rules []rule // that apply
	own   map[*html.Node]map[string]string
	err   error
}

func (p *Page) in(v View) (*styled, error) {
	s := &styled{page: p, own: map[*html.Node]map[string]string{}}
	for _, r := range p.rules {
		ok, err := v.applies(r.media)
		if err != nil {
			return nil, err
		}
		if ok && r.selector != nil {
			s.rules = append(s.rules, r)
		}
	}
	return s, nil
}

// specified are the declarations that win at an element.
func (s *styled) specified(n *html.Node) map[string]string {
	if values, ok := s.own[n]; ok {
		return values
	}
	type winner struct {
		important bool
		weight    cascadia.Specificity
		order     int
	}
	values, by := map[string]string{}, map[string]winner{}
	set := func(d declaration, w winner) {
		w.important = d.important
		old, ok := by[d.property]
		better := !ok || w.important && !old.important
		if ok && w.important == old.important {
			better = old.weight.Less(w.weight) || old.weight == w.weight && w.order >= old.order
		}
		if better {
			values[d.property], by[d.property] = d.value, w
		}
	}
	for _, r := range s.rules {
		if r.selector.Match(n) {
			for _, d := range r.values {
				set(d, winner{weight: r.selector.Specificity(), order: r.order})
			}
		}
	}
	for _, d := range declarations(attr(n, "style")) {
		set(d, winner{weight: cascadia.Specificity{1 << 20}})
	}
	s.own[n] = values
	return values
}

// inherited is the nearest value of a property, from the element up.
func (s *styled) inherited(n *html.Node, property string) (string, *html.Node) {
	for ; n != nil && n.Type == html.ElementNode; n = n.Parent {
		if v, ok := s.specified(n)[property]; ok && v != "inherit" {
			return v, n
		}
	}
	return "", nil
}

var variable = regexp.MustCompile(`var\((--[\w-]+)\)`)

// deepest is how many variables may name one another.
const deepest = 8

// resolve puts the values of variables in, as they are at an element.
func (s *styled) resolve(n *html.Node, value string) string { return s.resolved(n, value, deepest) }

func (s *styled) resolved(n *html.Node, value string, depth int) string {
	if !strings.Contains(value, "var(") {
		return value
	}
	if depth == 0 {
		s.fail(fmt.Errorf("%s: %q never comes to an end", where(n), value))
		return ""
	}
	return variable.ReplaceAllStringFunc(value, func(use string) string {
		name := variable.FindStringSubmatch(use)[1]
		got, at := s.inherited(n, name)
		if at == nil {
			s.fail(fmt.Errorf("%s: %s has no value", where(n), name))
			return ""
		}
		return s.resolved(at, got, depth-1)
	})
}

func (s *styled) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// colour is that of the text of an element, or of the property that paints it.
func (s *styled) colour(n *html.Node, property string) (colour, bool) {
	value, at := s.inherited(n, property)
	if at == nil {
		return colour{}, false
	}
	value = s.resolve(at, value)
	if value == "currentColor" && property != "color" {
		return s.colour(at, "color")
	}
	c, err := parseColour(value)
	if err != nil {
		s.fail(fmt.Errorf("%s: %s: %w", where(n), property, err))
	}
	return c, true
}

// ground is what is behind an element: the colours from it up, one over the other, on white
// or black where the page has none.
func (s *styled) ground(n *html.Node) colour {
	var layers []colour
	for ; n != nil && n.Type == html.ElementNode; n = n.Parent {
		values := s.specified(n)
		value := values["background-color"]
		if value == "" {
			value = values["background"]
		}
		if value == "" || value == "none" || strings.Contains(value, "gradient(") {
			continue
		}
		c, err := parseColour(s.resolve(n, value))
		if err != nil {
			s.fail(fmt.Errorf("%s: background: %w", where(n), err))
			continue
		}
		if layers = append(layers, c); c.a == 1 {
			break
		}
	}
	base := colour{1, 1, 1, 1}
	for _, c := range slices.Backward(layers) {
		base = c.over(base)
	}
	return base
}

// shown is whether an element is drawn, as far as styles without a layout say.
func (s *styled) shown(n *html.Node) bool {
	return !within(n, func(n *html.Node) bool {
		values := s.specified(n)
		return values["display"] == "none" || values["visibility"] == "hidden" || strings.HasPrefix(values["clip-path"], "inset(50%")
	})
}
