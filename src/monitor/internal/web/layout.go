package web

import (
	"html"
	"strconv"
	"strings"
)

// view is what the page shows.
type view struct {
	Host, Version, Now string
	Interval           int64 // ms
	History            bool
	Tiles              []tileView
	Tables             []tableView
}

type tileView struct {
	Tile
	Value, DetailValue string
	BarAt              string
}

type tableView struct {
	Table
	Folded bool
	Lines  []lineView
}

type lineView struct {
	Key   string
	Title string
	Cells []cellView
}

type cellView struct {
	Cell
	Text  string
	BarAt string
}

// page puts the parts into the frame, in which each has its place in braces.
// Places within the parts are left as they are.
func (v view) page(frame string) []byte {
	var tiles, tables markup
	for _, t := range v.Tiles {
		t.write(&tiles)
	}
	for _, t := range v.Tables {
		t.write(&tables)
	}
	history := ""
	if v.History {
		history = " data-history"
	}
	return []byte(strings.NewReplacer(
		"{interval}", strconv.FormatInt(v.Interval, 10), "{version}", html.EscapeString(v.Version), "{history}", history,
		"{host}", html.EscapeString(v.Host), "{now}", html.EscapeString(v.Now), "{tiles}", tiles.String(), "{tables}", tables.String(),
	).Replace(frame))
}

func (t tileView) write(m *markup) {
	m.raw("\n<div>")
	m.element("dt", t.Title)
	m.raw("<dd><strong")
	t.Main.describe(m)
	m.raw(">")
	m.text(t.Value)
	m.raw("</strong>")
	if t.Main.Bar {
		m.raw(" ")
		bar(m, t.BarAt)
	}
	m.raw(" <small>")
	m.text(t.Before)
	m.raw("<span")
	t.Detail.describe(m)
	m.raw(">")
	m.text(t.DetailValue)
	m.raw("</span></small></dd></div>")
}

// describe tells the script what an element shows.
func (c Cell) describe(m *markup) {
	if c.Path == "" && c.Series == "" {
		return
	}
	m.attribute("data-path", c.Path)
	m.attribute("data-format", string(c.Format))
	m.attribute("data-series", c.Series)
	if c.Bar {
		m.raw(" data-bar")
	}
}

func bar(m *markup, at string) {
	m.raw(`<meter max="100" low="80" high="95" optimum="0"`)
	m.attribute("value", at)
	m.raw(` aria-hidden="true"></meter>`)
}

func (t tableView) write(m *markup) {
	m.raw("\n<section")
	m.attribute("id", t.ID)
	m.raw("><details")
	if !t.Folded {
		m.raw(" open")
	}
	m.raw("><summary>")
	m.element("h2", t.Title)
	if t.List != "" {
		m.raw(` <span class="count">`, strconv.Itoa(len(t.Lines)), "</span>")
	}
	m.raw("</summary>")
	if t.Note != "" {
		m.element("p", t.Note)
	}
	m.raw("\n" + `<div class="scroll" tabindex="0" role="region"`)
	m.attribute("aria-label", t.Title)
	m.raw("><table")
	if t.List != "" {
		m.attribute("data-list", t.List)
		m.attribute("data-key", strings.Join(t.Key, " "))
		m.attribute("data-chart", t.Chart)
		m.attribute("data-series", strings.Join(t.Series, " "))
	}
	m.raw("><thead><tr>")
	if t.List == "" {
		m.raw("<td></td>")
	}
	for _, c := range t.Columns {
		m.raw(`<th scope="col"`)
		if t.List != "" {
			m.attribute("class", c.class())
			c.describe(m)
		}
		m.raw(">")
		m.text(c.Title)
		m.raw("</th>")
	}
	m.raw("</tr></thead><tbody>")
	for _, line := range t.Lines {
		line.write(m, t.List == "")
	}
	m.raw("</tbody></table>")
	if t.List != "" {
		m.raw(`<p class="absent"`)
		if len(t.Lines) > 0 {
			m.raw(" hidden")
		}
		m.raw(">")
		m.text(t.Absent)
		m.raw("</p>")
	}
	m.raw("</div></details></section>")
}

// write writes a row. Cells of a list are described by its headings.
func (l lineView) write(m *markup, fixed bool) {
	m.raw("\n<tr")
	m.attribute("data-key", l.Key)
	m.raw(`><th scope="row">`)
	m.text(l.Title)
	m.raw("</th>")
	for _, c := range l.Cells {
		m.raw("<td")
		m.attribute("class", c.class())
		if fixed {
			c.describe(m)
		}
		m.raw(">")
		if c.BarAt != "" {
			bar(m, c.BarAt)
			m.raw(" ")
		}
		m.text(c.Text)
		m.raw("</td>")
	}
	m.raw("</tr>")
}

// class says where the text of a cell stands: words at the left.
func (c Cell) class() string {
	if c.words() {
		return "t"
	}
	return ""
}
