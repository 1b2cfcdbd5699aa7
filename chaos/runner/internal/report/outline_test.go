package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// outline is what a reader of the page meets, in the order of reading: headings,
// lists, rows of tables, texts, and of each chart its title, its description and how
// many shapes of each kind it has. Styles and coordinates are left out, so that a
// change of the page can be reviewed.
func outline(t *testing.T, page []byte) []byte {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	write(&out, root, "")
	return out.Bytes()
}

// prefixes are the elements that are a line of their own.
func prefixes(a atom.Atom) (string, bool) {
	prefix, ok := map[atom.Atom]string{
		atom.Title: "title: ", atom.H1: "# ", atom.H2: "## ", atom.H3: "### ", atom.H4: "#### ",
		atom.P: "", atom.Li: "- ", atom.Tr: "", atom.Caption: "caption: ", atom.Dt: "", atom.Dd: "  ",
		atom.Summary: "> ", atom.Figcaption: "caption: ", atom.Pre: "$ ",
	}[a]
	return prefix, ok
}

func write(out *bytes.Buffer, n *html.Node, indent string) {
	if n.Type == html.ElementNode {
		prefix, line := prefixes(n.DataAtom)
		switch {
		case n.DataAtom == atom.Style || attribute(n, "aria-hidden") == "true":
			return
		case n.DataAtom == atom.Svg:
			fmt.Fprintf(out, "%s[chart %s]\n", indent, chartOf(n))
			return
		case line:
			fmt.Fprintf(out, "%s%s%s\n", indent, prefix, strings.Join(texts(n), " | "))
			for _, chart := range charts(n) {
				fmt.Fprintf(out, "%s[chart %s]\n", indent, chartOf(chart))
			}
			return
		case n.DataAtom == atom.Article || n.DataAtom == atom.Section || n.DataAtom == atom.Details:
			fmt.Fprintf(out, "%s<%s>\n", indent, strings.TrimSpace(n.Data+" "+attribute(n, "id")))
			indent += "  "
		}
	}
	if text := strings.TrimSpace(n.Data); n.Type == html.TextNode && text != "" {
		fmt.Fprintf(out, "%s%s\n", indent, strings.Join(strings.Fields(text), " "))
	}
	for c := range n.ChildNodes() {
		write(out, c, indent)
	}
}

// texts are the texts in a line: one for each cell of a row, else one in all.
func texts(n *html.Node) []string {
	var cells []string
	if n.DataAtom == atom.Tr {
		for c := range n.ChildNodes() {
			if c.Type == html.ElementNode {
				cells = append(cells, texts(c)...)
			}
		}
		return cells
	}
	var words []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode && !slices.ContainsFunc(slices.Collect(d.Ancestors()), func(a *html.Node) bool { return a.DataAtom == atom.Svg }) {
			words = append(words, strings.Fields(d.Data)...)
		}
		if d.DataAtom == atom.A {
			words = append(words, "<"+attribute(d, "href")+">")
		}
	}
	return []string{strings.Join(words, " ")}
}

// charts are the pictures below n that a screen reader announces.
func charts(n *html.Node) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.DataAtom == atom.Svg && attribute(d, "aria-hidden") != "true" {
			found = append(found, d)
		}
	}
	return found
}

func chartOf(svg *html.Node) string {
	var words []string
	shapes := map[string]int{}
	for d := range svg.Descendants() {
		switch {
		case d.Type == html.ElementNode:
			shapes[d.Data]++
		case d.Type == html.TextNode:
			words = append(words, strings.Fields(d.Data)...)
		}
	}
	var counts []string
	for shape, n := range shapes {
		counts = append(counts, fmt.Sprintf("%s %d", shape, n))
	}
	slices.Sort(counts)
	return fmt.Sprintf("%q: %s; %s", attribute(svg, "aria-label"), strings.Join(words, " "), strings.Join(counts, ", "))
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
