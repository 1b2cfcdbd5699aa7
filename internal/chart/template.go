package chart

import (
	"embed"
	"fmt"
	"html/template"
)

//go:embed template
var templates embed.FS

// Templates adds to t what writes charts down: "figure" (a [Figure]), "chart" (a [Chart]),
// "lane" (a [LaneRow]), "timeaxis" (a [TimeAxis]), "bar" (a [Bar]), and "patterns", which
// a page holds once.
func Templates(t *template.Template) (*template.Template, error) {
	t, err := t.Funcs(template.FuncMap{
		"px":  Coordinate,
		"sub": func(a, b float64) float64 { return a - b },
	}).ParseFS(templates, "template/*.gohtml")
	if err != nil {
		return nil, fmt.Errorf("parse the templates of charts: %w", err)
	}
	return t, nil
}

// Stylesheet is the style of charts, in light and dark, for the style element of a page.
// The page may set the properties that it begins with to its own colours.
func Stylesheet() (template.CSS, error) {
	css, err := templates.ReadFile("template/chart.css")
	if err != nil {
		return "", fmt.Errorf("read the style of charts: %w", err)
	}
	return template.CSS(css), nil //nolint:gosec // embedded, not input
}
