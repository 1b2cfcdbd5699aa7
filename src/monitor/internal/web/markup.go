package web

import (
	"bytes"
	"html"
)

// markup is HTML that is being written. Templates of the standard library
// would do it too, but they find methods by name, for which the linker keeps
// every method of every library in the program: half as much again.
type markup struct{ bytes.Buffer }

// raw writes what is markup itself; it must not come from outside.
func (m *markup) raw(parts ...string) {
	for _, p := range parts {
		m.WriteString(p)
	}
}

// text writes what may come from anywhere.
func (m *markup) text(s string) { m.WriteString(html.EscapeString(s)) }

// element writes a whole element with a text in it.
func (m *markup) element(tag, content string) {
	m.raw("<", tag, ">")
	m.text(content)
	m.raw("</", tag, ">")
}

// attribute writes one, unless its value is empty.
func (m *markup) attribute(name, value string) {
	if value != "" {
		m.raw(" ", name, `="`)
		m.text(value)
		m.raw(`"`)
	}
}
