package page

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Markup says what keeps people with a keyboard or a screen reader from what the page says,
// and what it would ask the network for.
func (p *Page) Markup() []string {
	q := &Page{root: p.root, rules: p.rules, all: p.all, ids: p.ids, problems: slices.Clone(p.problems)}
	q.head()
	q.headings()
	mains := 0
	for _, n := range q.all {
		q.references(n)
		q.request(n)
		q.control(n)
		switch n.DataAtom {
		case atom.Main:
			mains++
		case atom.Table:
			q.table(n)
		case atom.Svg:
			q.picture(n)
		case atom.Nav, atom.Article:
			if attr(n, "aria-label") == "" && attr(n, "aria-labelledby") == "" {
				q.problem("%s: a landmark without a name; give it aria-labelledby", where(n))
			}
		case atom.Ul, atom.Ol:
			for c := range n.ChildNodes() {
				if c.Type == html.ElementNode && c.DataAtom != atom.Li {
					q.problem("%s: a list has more than items", where(n))
				}
			}
		}
	}
	if mains != 1 {
		q.problem("%d main elements, want one to jump to", mains)
	}
	return found(q.problems)
}

// head checks what readers are told before the page is drawn.
func (p *Page) head() {
	title, lang, metas := "", "", map[string]string{}
	for _, n := range p.all {
		switch n.DataAtom {
		case atom.Html:
			lang = attr(n, "lang")
		case atom.Title:
			if title == "" && n.Parent.DataAtom == atom.Head {
				title = text(n)
			}
		case atom.Meta:
			metas[strings.ToLower(attr(n, "name")+attr(n, "http-equiv"))] = attr(n, "content")
		}
	}
	if lang == "" {
		p.problem("the page has no language")
	}
	if title == "" {
		p.problem("the page has no title")
	}
	viewport := strings.ReplaceAll(metas["viewport"], " ", "")
	if !strings.Contains(viewport, "width=device-width") || strings.Contains(viewport, "maximum-scale") || strings.Contains(viewport, "user-scalable") {
		p.problem("viewport %q: a phone would show the page of a desk, or could not enlarge it", viewport)
	}
	if metas["color-scheme"] != "light dark" {
		p.problem("color-scheme %q, want light dark", metas["color-scheme"])
	}
	if policy := metas["content-security-policy"]; !strings.Contains(policy, "default-src 'none'") {
		p.problem("Content-Security-Policy %q does not forbid requests", policy)
	}
}

// headings have a text, begin with the first level, and leave out none on the way down.
func (p *Page) headings() {
	last := 0
	for _, n := range p.all {
		if len(n.Data) != 2 || n.Data[0] != 'h' || n.Data[1] < '1' || n.Data[1] > '6' {
			continue
		}
		level := int(n.Data[1] - '0')
		if level > last+1 {
			p.problem("%s follows a heading of level %d", where(n), last)
		}
		if text(n) == "" {
			p.problem("%s: an empty heading", where(n))
		}
		last = level
	}
	if last == 0 {
		p.problem("the page has no heading")
	}
}

// references lead to what is there.
func (p *Page) references(n *html.Node) {
	for _, key := range []string{"aria-labelledby", "aria-describedby", "aria-controls", "for"} {
		for ref := range strings.FieldsSeq(attr(n, key)) {
			if p.ids[ref] == nil {
				p.problem("%s: %s names %q, which is not there", where(n), key, ref)
			}
		}
	}
	if to, ok := strings.CutPrefix(attr(n, "href"), "#"); ok && p.ids[to] == nil {
		p.problem("%s leads to nothing", where(n))
	}
}

// styleURL is what a style would fetch.
var styleURL = regexp.MustCompile(`(?i)@import|url\(\s*["']?([^)"']*)|image-set\(`)

// request finds what would be fetched. A link that somebody follows is no request.
func (p *Page) request(n *html.Node) {
	switch n.DataAtom {
	case atom.Script, atom.Iframe, atom.Object, atom.Embed, atom.Base, atom.Audio, atom.Video:
		p.problem("%s does not belong into a page of one file", where(n))
	}
	for _, a := range n.Attr {
		name := a.Key
		switch {
		case strings.HasPrefix(name, "on"):
			p.problem("%s: %s is a script", where(n), name)
		case name == "href" && n.DataAtom == atom.A:
			if strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				p.problem("%s: a link that is a script", where(n))
			}
		case slices.Contains([]string{"src", "srcset", "href", "action", "formaction", "poster", "data", "background", "ping", "manifest"}, name):
			if !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "data:") {
				p.problem("%s: %s=%q is a request", where(n), name, a.Val)
			}
		case name == "style":
			p.style(where(n), a.Val)
		case name == "http-equiv" && strings.EqualFold(a.Val, "refresh"):
			p.problem("%s: the page is replaced while it is read", where(n))
		}
	}
	if n.DataAtom == atom.Style && n.FirstChild != nil {
		p.style("the stylesheet", n.FirstChild.Data)
	}
}

func (p *Page) style(of, text string) {
	for _, m := range styleURL.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "data:") {
			p.problem("%s: %q is a request", of, m[0])
		}
	}
}

// focusable is whether the keyboard reaches an element.
func focusable(n *html.Node) bool {
	_, href := lookup(n, "href")
	_, index := lookup(n, "tabindex")
	switch n.DataAtom {
	case atom.A:
		return href || index
	case atom.Summary, atom.Button, atom.Select, atom.Textarea:
		return true
	case atom.Input:
		return attr(n, "type") != "hidden"
	}
	return index
}

// control checks what is operated, and that what looks like it is reached.
func (p *Page) control(n *html.Node) {
	role := attr(n, "role")
	operated := slices.Contains([]string{"button", "link", "checkbox", "tab", "menuitem", "switch"}, role)
	if operated && !focusable(n) {
		p.problem("%s: a %s that the keyboard does not reach", where(n), role)
	}
	if n.DataAtom == atom.A && !focusable(n) {
		p.problem("%s: a link without href, which the keyboard does not reach", where(n))
	}
	if !focusable(n) {
		return
	}
	if index, ok := lookup(n, "tabindex"); ok {
		if i, err := strconv.Atoi(index); err != nil || i != 0 {
			p.problem("%s: tabindex %q changes the order of the keyboard, or takes it out", where(n), index)
		}
	}
	if within(n, func(n *html.Node) bool { return attr(n, "aria-hidden") == "true" }) {
		p.problem("%s: reached by the keyboard and hidden from screen readers", where(n))
	}
	if n.Parent != nil && within(n.Parent, func(n *html.Node) bool {
		return n.DataAtom == atom.A || n.DataAtom == atom.Button || n.DataAtom == atom.Summary
	}) {
		p.problem("%s: a control in a control", where(n))
	}
	name := p.name(n)
	switch n.DataAtom {
	case atom.Input, atom.Select, atom.Textarea:
		labelled := within(n, func(n *html.Node) bool { return n.DataAtom == atom.Label }) || slices.ContainsFunc(p.all, func(l *html.Node) bool {
			return l.DataAtom == atom.Label && attr(l, "for") != "" && attr(l, "for") == attr(n, "id")
		})
		if !labelled && attr(n, "aria-label") == "" && attr(n, "aria-labelledby") == "" {
			p.problem("%s: a control without a label", where(n))
		}
	case atom.A, atom.Summary, atom.Button:
		if name == "" {
			p.problem("%s: a control without a name", where(n))
		}
	default: // what can be scrolled
		if role == "" || name == "" || attr(n, "aria-label") == "" && attr(n, "aria-labelledby") == "" {
			p.problem("%s: the keyboard stops at something without a role and a name", where(n))
		}
	}
	if n.DataAtom == atom.Summary && (n.Parent == nil || n.Parent.DataAtom != atom.Details) {
		p.problem("%s opens nothing", where(n))
	}
}

// table has named columns, and as many cells in each row.
func (p *Page) table(table *html.Node) {
	columns := -1
	for n := range table.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.DataAtom == atom.Th {
			if scope := attr(n, "scope"); scope != "col" && scope != "row" {
				p.problem("%s in %s: scope %q, want col or row", where(n), where(table), scope)
			}
			if text(n) == "" {
				p.problem("%s: a column without a name", where(table))
			}
		}
		if n.DataAtom != atom.Tr {
			continue
		}
		cells := 0
		for c := range n.ChildNodes() {
			if c.DataAtom == atom.Td || c.DataAtom == atom.Th {
				span, err := strconv.Atoi(attr(c, "colspan"))
				if err != nil {
					span = 1
				}
				cells += span
			}
		}
		if columns < 0 {
			columns = cells
			if n.Parent.DataAtom != atom.Thead {
				p.problem("%s: a table without a head", where(table))
			}
		}
		if cells != columns {
			p.problem("%s: a row of %d cells in a table of %d columns", where(table), cells, columns)
		}
	}
}

// picture has a name, or is hidden where words are beside it.
func (p *Page) picture(n *html.Node) {
	if within(n, func(n *html.Node) bool { return attr(n, "aria-hidden") == "true" }) {
		return
	}
	if attr(n, "role") != "img" {
		p.problem("%s: a picture without role=img, of which each shape is read", where(n))
	}
	if attr(n, "aria-label") == "" && (attr(n, "aria-labelledby") == "" || p.name(n) == "") {
		p.problem("%s: a picture without a name", where(n))
	}
}
