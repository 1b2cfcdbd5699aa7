package main

import (
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
	problems, lines, err := p.Problems(page.Look{
		Views: []page.View{{Width: 320}, {Width: 320, Dark: true}, {Width: 3840}, {Width: 3840, Dark: true}}, Lines: ".stroke",
	})
	if err != nil || lines == 0 {
		t.Fatalf("%d lines, %v", lines, err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}
