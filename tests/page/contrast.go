package page

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// colour is one of sRGB, each part from 0 to 1, with its opacity.
type colour struct{ r, g, b, a float64 }

var mixed = regexp.MustCompile(`^color-mix\(in srgb, (.+) ([\d.]+)%, transparent\)$`)

func parseColour(text string) (colour, error) {
	text = strings.TrimSpace(text)
	switch text {
	case "transparent":
		return colour{}, nil
	case "white":
		text = "#fff"
	case "black":
		text = "#000"
	}
	if m := mixed.FindStringSubmatch(text); m != nil {
		c, err := parseColour(m[1])
		if err != nil {
			return c, err
		}
		share, err := strconv.ParseFloat(m[2], 64)
		c.a *= share / 100
		return c, err
	}
	hex, ok := strings.CutPrefix(text, "#")
	if ok && (len(hex) == 3 || len(hex) == 4) {
		long := ""
		for _, r := range hex {
			long += string(r) + string(r)
		}
		hex = long
	}
	if len(hex) == 6 {
		hex += "ff"
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if !ok || len(hex) != 8 || err != nil {
		return colour{}, fmt.Errorf("%q is no colour that is known here", text)
	}
	part := func(shift int) float64 { return float64(n>>shift&0xff) / 255 }
	return colour{part(24), part(16), part(8), part(0)}, nil
}

// over is a colour drawn on one that covers.
func (c colour) over(ground colour) colour {
	mix := func(a, b float64) float64 { return a*c.a + b*(1-c.a) }
	return colour{mix(c.r, ground.r), mix(c.g, ground.g), mix(c.b, ground.b), 1}
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c.r*255)), int(math.Round(c.g*255)), int(math.Round(c.b*255)))
}

// luminance is WCAG's relative one.
func (c colour) luminance() float64 {
	part := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.r) + 0.7152*part(c.g) + 0.0722*part(c.b)
}

// contrast is WCAG's ratio of a colour to what is behind it.
func contrast(c, ground colour) float64 {
	a, b := c.over(ground).luminance(), ground.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// What WCAG 2.2 asks for (AA): of texts, and of lines that say something.
const (
	leastOfText = 4.5
	leastOfLine = 3
)

// Contrast finds texts that are hard to read in a view. Texts of pictures are on the ground
// of the picture, unless on says which shapes a kind of text is drawn on: selectors of texts,
// and of those shapes. It returns how many texts were looked at.
func (p *Page) Contrast(v View, on map[string]string) (problems []string, texts int, err error) {
	s, err := p.in(v)
	if err != nil {
		return nil, 0, err
	}
	for _, n := range p.all {
		if !written(n) || !s.shown(n) {
			continue
		}
		texts++
		property := "color"
		grounds := []colour{s.ground(n)}
		if n.Data == "text" {
			property = "fill"
			if grounds, err = s.shapes(n, on, grounds); err != nil {
				return nil, texts, err
			}
		}
		c, ok := s.colour(n, property)
		if !ok {
			problems = append(problems, where(n)+" has no colour of its own")
			continue
		}
		for _, ground := range grounds {
			if got := contrast(c, ground); got < leastOfText {
				problems = append(problems, fmt.Sprintf("%s: %s on %s is %.2f, want %.1f", where(n), c, ground, got, leastOfText))
			}
		}
	}
	return found(problems), texts, s.err
}

// shapes are the grounds of a text that is drawn on shapes.
func (s *styled) shapes(n *html.Node, on map[string]string, grounds []colour) ([]colour, error) {
	for text, shapes := range on {
		is, err := cascadia.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		if !is.Match(n) {
			continue
		}
		of, err := cascadia.ParseGroup(shapes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", shapes, err)
		}
		below := grounds[0]
		grounds = nil
		for _, other := range s.page.all {
			if !of.Match(other) {
				continue
			}
			if c, ok := s.colour(other, "fill"); ok {
				grounds = append(grounds, c.over(below))
			}
		}
	}
	return grounds, nil
}

// written is whether an element has words of its own.
func written(n *html.Node) bool {
	if within(n, func(n *html.Node) bool {
		return slices.Contains([]atom.Atom{atom.Head, atom.Style, atom.Title, atom.Desc}, n.DataAtom)
	}) {
		return false
	}
	for c := range n.ChildNodes() {
		if c.Type == html.TextNode && strings.TrimSpace(c.Data) != "" {
			return true
		}
	}
	return false
}

// Lines finds lines of pictures, the elements of selector, whose stroke is hard to tell from
// its ground in a view. It returns how many were looked at.
func (p *Page) Lines(v View, selector string) (problems []string, lines int, err error) {
	of, err := cascadia.ParseGroup(selector)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", selector, err)
	}
	s, err := p.in(v)
	if err != nil {
		return nil, 0, err
	}
	for _, n := range p.all {
		if !of.Match(n) || !s.shown(n) {
			continue
		}
		lines++
		c, ok := s.colour(n, "stroke")
		if ground := s.ground(n); !ok || contrast(c, ground) < leastOfLine {
			problems = append(problems, fmt.Sprintf("%s: a line of %s on %s is %.2f, want %d", where(n), c, ground, contrast(c, ground), leastOfLine))
		}
	}
	return found(problems), lines, s.err
}
