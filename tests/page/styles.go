package page

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/andybalholm/cascadia"
)

// rule is one selector with its declarations.
type rule struct {
	text     string       // of the selector
	selector cascadia.Sel // nil for states and parts that the markup does not show
	media    string       // the condition of the rule it is in
	order    int
	values   []declaration
}

type declaration struct {
	property, value string
	important       bool
}

var comment = regexp.MustCompile(`(?s)/\*.*?\*/`)

// parseStyles reads a stylesheet. first is how many rules came before it.
func parseStyles(text, media string, first int) ([]rule, error) {
	text = comment.ReplaceAllString(text, "")
	var all []rule
	for {
		head, rest, ok := strings.Cut(text, "{")
		if !ok {
			if strings.TrimSpace(text) != "" {
				return nil, fmt.Errorf("a stylesheet ends with %q", strings.TrimSpace(text))
			}
			return all, nil
		}
		body, after, err := block(rest)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.TrimSpace(head), err)
		}
		text, head = after, strings.TrimSpace(head)
		switch {
		case strings.HasPrefix(head, "@media"):
			if media != "" {
				return nil, fmt.Errorf("%s in another one", head)
			}
			inner, err := parseStyles(body, strings.TrimSpace(strings.TrimPrefix(head, "@media")), first+len(all))
			if err != nil {
				return nil, err
			}
			all = append(all, inner...)
		case strings.HasPrefix(head, "@container"): // depends on the layout
		case strings.HasPrefix(head, "@"):
			return nil, fmt.Errorf("a stylesheet has %s, which is not known here", head)
		default:
			values := declarations(body)
			for one := range strings.SplitSeq(head, ",") {
				r := rule{text: strings.TrimSpace(one), media: media, order: first + len(all), values: values}
				if sel, err := cascadia.Parse(r.text); err == nil && sel.PseudoElement() == "" {
					r.selector = sel
				}
				all = append(all, r)
			}
		}
	}
}

// block cuts off what is before the brace that closes it.
func block(text string) (body, after string, err error) {
	depth := 1
	for i, r := range text {
		switch r {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return text[:i], text[i+1:], nil
			}
		}
	}
	return "", "", fmt.Errorf("a brace is not closed")
}

func declarations(body string) []declaration {
	var all []declaration
	for one := range strings.SplitSeq(body, ";") {
		property, value, ok := strings.Cut(one, ":")
		if !ok {
			continue
		}
		value, important := strings.CutSuffix(strings.TrimSpace(value), "!important")
		all = append(all, declaration{strings.TrimSpace(property), strings.TrimSpace(value), important})
	}
	return all
}

// View is how somebody looks at a page.
type View struct {
	Width int // of the window in pixels
	Dark  bool
	Still bool // motion is not wanted
}

var condition = regexp.MustCompile(`^\((min-width|max-width|prefers-color-scheme|prefers-reduced-motion):\s*([a-z0-9]+)\)$`)

// applies is whether a media query holds. Nothing is printed here.
func (v View) applies(media string) (bool, error) {
	if media == "" {
		return true, nil
	}
	if media == "print" {
		return false, nil
	}
	m := condition.FindStringSubmatch(media)
	if m == nil {
		return false, fmt.Errorf("the media query %q is not known here", media)
	}
	width := strings.TrimSuffix(m[2], "px")
	switch m[1] {
	case "prefers-color-scheme":
		return (m[2] == "dark") == v.Dark, nil
	case "prefers-reduced-motion":
		return (m[2] == "reduce") == v.Still, nil
	}
	n, err := strconv.Atoi(width)
	if err != nil {
		return false, fmt.Errorf("the media query %q: %w", media, err)
	}
	if m[1] == "min-width" {
		return v.Width >= n, nil
	}
	return v.Width <= n, nil
}
