package preview

import (
	"html/template"
	"regexp"
	"slices"
)

// namedColours are the names of Grafana's colours that the style sheet knows.
func namedColours() []string {
	return []string{"green", "yellow", "orange", "red", "blue", "purple", "dark-green", "dark-yellow", "dark-orange", "dark-red", "dark-blue", "dark-purple", "text", "transparent"}
}

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// inColour is the declaration of a colour in a style: --c is the colour, and --on what is
// written on it. Empty, for no colour, and what is not known is that of text.
func inColour(name string) template.CSS {
	switch {
	case hexColour.MatchString(name):
		return template.CSS("--c:" + name + ";--on:#fff") //nolint:gosec // it is six hexadecimal digits
	case slices.Contains(namedColours(), name):
		return template.CSS("--c:var(--c-" + name + ");--on:var(--on-" + name + ")") //nolint:gosec // it is one of ours
	}
	return "--c:var(--c-text);--on:var(--on-text)"
}

// painted is whether a colour paints anything behind a text.
func painted(name string) bool { return name != "" && name != "transparent" && name != "text" }
