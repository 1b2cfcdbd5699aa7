// Package page checks pages without a browser: what a screen reader and a keyboard find in
// the markup, and what colours, widths and media queries the styles say. It computes the
// cascade of a few properties; layout it does not, which tests in a browser do.
package page

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Page is a document with its styles.
type Page struct {
	root  *html.Node
	rules []rule
	all   []*html.Node // its elements in the order of reading
	ids   map[string]*html.Node
	// problems were found while it was read.
	problems []string
}

// Read reads a document. Styles are those of its style elements.
func Read(text []byte) (*Page, error) {
	root, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read a page: %w", err)
	}
	p := &Page{root: root, ids: map[string]*html.Node{}}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		p.all = append(p.all, n)
		if id := attr(n, "id"); id != "" {
			if p.ids[id] != nil {
				p.problem("id %q is there twice", id)
			}
			p.ids[id] = n
		}
		if n.DataAtom == atom.Style && n.FirstChild != nil {
			rules, err := parseStyles(n.FirstChild.Data, "", len(p.rules))
			if err != nil {
				return nil, err
			}
			p.rules = append(p.rules, rules...)
		}
	}
	return p, nil
}

func (p *Page) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// found returns the problems, each once.
func found(problems []string) []string {
	var once []string
	seen := map[string]bool{}
	for _, text := range problems {
		if !seen[text] {
			seen[text] = true
			once = append(once, text)
		}
	}
	return once
}

func attr(n *html.Node, key string) string {
	value, _ := lookup(n, key)
	return value
}

func lookup(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// text is what a screen reader reads of an element: its texts, those of its pictures' names,
// and nothing that is hidden from it.
func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	if attr(n, "aria-hidden") == "true" || n.DataAtom == atom.Style {
		return ""
	}
	if label := attr(n, "aria-label"); label != "" {
		return label
	}
	var b strings.Builder
	for c := range n.ChildNodes() {
		b.WriteString(text(c) + " ")
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// name is the accessible name of an element, empty for none.
func (p *Page) name(n *html.Node) string {
	var words []string
	for ref := range strings.FieldsSeq(attr(n, "aria-labelledby")) {
		if of := p.ids[ref]; of != nil {
			words = append(words, text(of))
		}
	}
	for _, other := range []string{strings.Join(words, " "), attr(n, "aria-label"), text(n), attr(n, "title")} {
		if other = strings.TrimSpace(other); other != "" {
			return other
		}
	}
	return ""
}

// where names an element for people.
func where(n *html.Node) string {
	out := "<" + n.Data
	for _, key := range []string{"id", "class", "href"} {
		if v := attr(n, key); v != "" {
			out += " " + key + "=" + v
		}
	}
	words := text(n)
	if r := []rune(words); len(r) > 40 {
		words = string(r[:40]) + "…"
	}
	return out + "> " + words
}

// within is whether an element is, or is in, one of these.
func within(n *html.Node, is func(*html.Node) bool) bool {
	for ; n != nil; n = n.Parent {
		if n.Type == html.ElementNode && is(n) {
			return true
		}
	}
	return false
}
