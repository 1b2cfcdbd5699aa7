package page

import (
	"errors"
	"fmt"
	"slices"
)

// Look is what is looked at beside the markup.
type Look struct {
	Views []View
	// On says on which shapes texts of pictures are drawn; see [Page.Contrast].
	On map[string]string
	// Lines selects the lines of pictures; see [Page.Lines].
	Lines string
}

// Problems finds everything that is wrong with a page: names, order and reach of everything,
// widths, requests, and in each view the contrast of texts and lines. It returns how many
// lines were looked at in the view with the fewest. A view without texts is an error.
func (p *Page) Problems(l Look) (problems []string, lines int, err error) {
	widths, err := p.Widths()
	if err != nil {
		return nil, 0, err
	}
	problems = slices.Concat(p.Markup(), widths, p.Queries())
	for i, v := range l.Views {
		faint, texts, err := p.Contrast(v, l.On)
		if err == nil && texts == 0 {
			err = errors.New("the page has no text")
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%+v: %w", v, err)
		}
		thin, n, err := p.Lines(v, l.Lines)
		if err != nil {
			return nil, 0, fmt.Errorf("%+v: %w", v, err)
		}
		if lines = min(lines, n); i == 0 {
			lines = n
		}
		for _, problem := range slices.Concat(faint, thin) {
			problems = append(problems, fmt.Sprintf("%+v: %s", v, problem))
		}
	}
	return problems, lines, nil
}
