package preview

import (
	"fmt"
	"html/template"
	"strconv"
)

// tableView is a table as the template writes it.
type tableView struct {
	Columns []columnView
	Rows    [][]cellView
}

type columnView struct {
	Name   string
	Width  float64 // in pixels; 0 is as wide as it needs
	Number bool
	hidden bool
	looks  look
}

type cellView struct {
	Text    string
	Style   template.CSS
	Painted bool
	Bar     bool
	Share   float64
	Number  bool
	Links   []anchor
}

// table draws the panel's rows. Without any the panel says so.
func (p *panel) table(d *drawing) error {
	rows, names, err := p.rows()
	if err != nil || len(rows) == 0 {
		return err
	}
	if err := p.sorted(rows); err != nil {
		return err
	}
	t := tableView{}
	for _, name := range names {
		l, err := lookOf(p.Fields, name)
		if err != nil {
			return err
		}
		c := columnView{Name: name, Width: l.Custom.Width, hidden: l.Custom.Hidden, looks: l}
		for _, r := range rows {
			c.Number = c.Number || r[name].kind == datumNumber && len(l.values) == 0
		}
		if !c.hidden {
			t.Columns = append(t.Columns, c)
		}
	}
	for _, r := range rows {
		raw := map[string]string{}
		for name, v := range r {
			raw[name] = v.raw()
		}
		var cells []cellView
		for _, c := range t.Columns {
			cells = append(cells, p.cell(c, r[c.Name], raw))
		}
		t.Rows = append(t.Rows, cells)
	}
	d.Table, d.Summary = &t, fmt.Sprintf("%d rows", len(t.Rows))
	return nil
}

func (v datum) raw() string {
	if v.kind == datumNumber {
		return strconv.FormatFloat(v.number, 'f', -1, 64)
	}
	return v.text
}

func (p *panel) cell(c columnView, v datum, row map[string]string) cellView {
	out := cellView{Number: c.Number}
	s := shown{text: c.looks.NoValue}
	switch v.kind {
	case datumNumber:
		s = c.looks.number(v.number, p.scope.span.to)
	case datumText:
		s = c.looks.word(v.text)
	case datumNone:
	}
	out.Text, out.Style = s.text, inColour(s.color)
	switch c.looks.Custom.Cell.Type {
	case "color-background":
		out.Painted = painted(s.color)
	case "gauge":
		if v.kind == datumNumber {
			low, high := c.looks.ends(0, 1)
			out.Bar, out.Share = true, share(v.number, low, high)
		}
	}
	if v.kind != datumNone {
		out.Links = p.anchors(c.looks.Links, cell{raw: v.raw(), row: row})
	}
	return out
}
