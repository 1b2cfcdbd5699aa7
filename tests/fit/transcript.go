package main

import (
	"fmt"
	"io"
)

// transcript prints what `go test` without -json would: each package's result, and of
// a test what it printed once it has failed. When verbose, all is printed as it comes.
type transcript struct {
	out     io.Writer
	verbose bool
	kept    map[testID][]string // by the test around subtests, until that ends
}

func (t *transcript) add(e event) {
	if t.verbose || e.Test == "" {
		fmt.Fprint(t.out, e.Output)
		return
	}
	id, sub := e.id()
	if t.kept == nil {
		t.kept = map[testID][]string{}
	}
	switch {
	case e.Action == "output":
		t.kept[id] = append(t.kept[id], e.Output)
	case sub:
	case e.Action == "fail":
		t.print(id)
	case e.Action == "pass" || e.Action == "skip":
		delete(t.kept, id)
	}
}

func (t *transcript) print(id testID) {
	for _, line := range t.kept[id] {
		fmt.Fprint(t.out, line)
	}
	delete(t.kept, id)
}

// flush prints what tests printed that did not end, as those of a process that was killed.
func (t *transcript) flush() {
	for id := range t.kept {
		t.print(id)
	}
}
