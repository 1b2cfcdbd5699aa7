package preview

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/ballast-sre/ballast/internal/chart"
)

//go:embed template
var templates embed.FS

// page is the whole document.
type page struct {
	Source, At string
	Boards     []boardView
}

// boardView is one dashboard.
type boardView struct {
	UID, Title, About string
	From, To          string
	Choices           []choiceView
	Marks             []markView
	Failures          []string
	Rows              []rowView
}

type choiceView struct{ Label, Text string }

// markView is an annotation in words.
type markView struct {
	Label, When string
	Style       template.CSS
}

// rowView is a headline and the panels below it.
type rowView struct {
	Title  string
	Panels []drawing
}

const clockFormat = "2006-01-02 15:04:05"

// draw makes the view of a dashboard and counts its panels.
func (v *view) draw(count *Summary) boardView {
	out := boardView{
		UID: v.board.UID, Title: v.board.Title, About: v.board.About,
		From: v.scope.span.from.UTC().Format(clockFormat), To: v.scope.span.to.UTC().Format(clockFormat),
	}
	for _, d := range v.board.Templating.List {
		c := v.scope.choices[d.Name]
		out.Choices = append(out.Choices, choiceView{d.Label, c.text()})
	}
	if v.unchosen != nil {
		out.Failures = append(out.Failures, v.unchosen.Error())
	}
	regions, failures := v.regions()
	out.Failures = append(out.Failures, failures...)
	for _, r := range regions {
		when := r.Start.UTC().Format(clockFormat)
		if r.End.After(r.Start) {
			when += " to " + r.End.UTC().Format(clockFormat)
		}
		out.Marks = append(out.Marks, markView{r.Label, when, r.Style})
	}
	for _, f := range out.Failures {
		count.fail(v.board.Title, f)
	}
	top := 0
	for _, p := range v.panels {
		if p.Type == kindRow {
			out.Rows = append(out.Rows, rowView{Title: p.scope.words(p.Title)})
			top = p.Grid.Y + p.Grid.H
			continue
		}
		if len(out.Rows) == 0 {
			out.Rows = append(out.Rows, rowView{})
		}
		d := v.drawn(p, regions)
		d.X, d.Y, d.W, d.H = p.Grid.X+1, p.Grid.Y-top+1, p.Grid.W, p.Grid.H
		count.Panels++
		if d.Empty() {
			count.Empty++
		}
		for _, f := range d.Failures {
			count.fail(v.board.Title+": "+d.Title, f)
		}
		r := &out.Rows[len(out.Rows)-1]
		r.Panels = append(r.Panels, d)
	}
	return out
}

// Empty is whether there is no data.
func (d drawing) Empty() bool {
	return len(d.Tiles) == 0 && d.Table == nil && d.Field == nil && d.States == nil
}

func (s *Summary) fail(where, text string) {
	if text = where + ": " + text; !slices.Contains(s.Failures, text) {
		s.Failures = append(s.Failures, text)
	}
}

// write writes the document. It needs no other file, and no network.
func (p page) write(w io.Writer) error {
	t, err := chart.Templates(template.New("page.gohtml").Funcs(template.FuncMap{"stylesheet": stylesheet}))
	if err != nil {
		return err
	}
	if t, err = t.ParseFS(templates, "template/*.gohtml"); err != nil {
		return fmt.Errorf("parse the templates of the preview: %w", err)
	}
	if err := t.ExecuteTemplate(w, "page.gohtml", p); err != nil {
		return fmt.Errorf("write the preview: %w", err)
	}
	return nil
}

// stylesheet is that of charts and that of the page.
func stylesheet() (template.CSS, error) {
	charts, err := chart.Stylesheet()
	if err != nil {
		return "", err
	}
	fields, err := chart.FieldStylesheet()
	if err != nil {
		return "", err
	}
	own, err := templates.ReadFile("template/preview.css")
	if err != nil {
		return "", fmt.Errorf("read the style of the preview: %w", err)
	}
	return charts + fields + template.CSS(own), nil //nolint:gosec // embedded, not input
}
