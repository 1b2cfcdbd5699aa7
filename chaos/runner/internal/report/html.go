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
	t, err := chart.Templates(template.New("report.gohtml"))
	if err != nil {
		return err
	}
	t, err = t.Funcs(template.FuncMap{"stylesheet": stylesheet}).ParseFS(templates, "template/*.gohtml")
	if err != nil {
		return fmt.Errorf("parse the report's template: %w", err)
	}
	if err := t.Execute(w, newPage(r.Normal())); err != nil {
		return fmt.Errorf("render the report: %w", err)
	}
	return nil
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
