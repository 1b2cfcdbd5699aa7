package main

import (
	"slices"
	"testing"

	"github.com/ballast-sre/ballast/tests/page"
)

// read checks what a browser is not needed for: that names, order and reach of everything in
// the preview are as screen readers and keyboards need them, that it asks for nothing, and
// that it can be read in light and dark from a phone to a wall screen.
func read(t *testing.T, text []byte) {
	t.Helper()
	p, err := page.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	widths, err := p.Widths()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range slices.Concat(p.Markup(), widths, p.Queries()) {
		t.Error(problem)
	}
	for _, v := range []page.View{{Width: 320}, {Width: 320, Dark: true}, {Width: 3840}, {Width: 3840, Dark: true}} {
		faint, texts, err := p.Contrast(v, nil)
		if err != nil || texts == 0 {
			t.Fatalf("%+v: %d texts, %v", v, texts, err)
		}
		lines, n, err := p.Lines(v, ".stroke")
		if err != nil || n == 0 {
			t.Fatalf("%+v: %d lines, %v", v, n, err)
		}
		for _, problem := range slices.Concat(faint, lines) {
			t.Errorf("%+v: %s", v, problem)
		}
	}
}
