package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/chart"
)

//go:embed template
var templates embed.FS

// HTML writes report.html: one file that needs neither network nor script.
func HTML(w io.Writer, r result.Report) error {
	t, err := pages()
	if err != nil {
		return err
	}
	if err := t.ExecuteTemplate(w, "report.gohtml", newPage(r.Normal())); err != nil {
		return fmt.Errorf("render the report: %w", err)
	}
	return nil
}

// pages are the templates of all pages, with those of the charts in them.
func pages() (*template.Template, error) {
	t, err := chart.Templates(template.New("pages"))
	if err != nil {
		return nil, err
	}
	t, err = t.Funcs(template.FuncMap{"stylesheet": stylesheet, "short": chart.Seconds}).ParseFS(templates, "template/*.gohtml")
	if err != nil {
		return nil, fmt.Errorf("parse the templates of the pages: %w", err)
	}
	return t, nil
}

// stylesheet is ours, hence safe to inline.
func stylesheet() (template.CSS, error) {
	charts, err := chart.Stylesheet()
	if err != nil {
		return "", err
	}
	css, err := templates.ReadFile("template/report.css")
	return charts + template.CSS(css), err //nolint:gosec // embedded, not input
}
