package preview

import (
	"html/template"
	"math"
	"strings"
)

// tile is a value of a stat, a gauge or a bar.
type tile struct {
	Name, Text string
	Style      template.CSS
	Painted    bool
	Share      float64 // of the bar or gauge, 0 to 100
	Arcs       []arc
}

// arc is a part of a gauge's ring, in shares of its length from 0 to 100.
type arc struct {
	From, Length float64
	Style        template.CSS
}

// tiles are the last values of a stat, gauge or bars. Numbers have no name where there is
// only one.
func (p *panel) tiles(d *drawing, fields []field) {
	high := math.Inf(-1)
	for _, f := range fields {
		if v, ok := f.last(); ok {
			high = max(high, v)
		}
	}
	background := p.Options["colorMode"] == "background"
	var said []string
	for _, f := range fields {
		v, ok := f.last()
		if !ok {
			continue
		}
		s := f.look.number(v, p.scope.span.to)
		t := tile{Name: f.name, Text: s.text, Style: inColour(s.color), Painted: background && painted(s.color)}
		low, most := f.look.ends(0, 0)
		if f.look.Max == nil {
			most = high
			if p.Type == kindGauge {
				most = 100
			}
		}
		t.Share = share(v, low, most)
		if p.Type == kindGauge {
			t.Arcs = f.look.ring(low, most)
		}
		said = append(said, strings.TrimSpace(t.Name+" "+t.Text))
		if len(fields) == 1 && !f.named {
			t.Name = ""
		}
		d.Tiles = append(d.Tiles, t)
	}
	d.Summary = strings.Join(said, ", ")
}

// share is how far v is on the way from low to high, in percent.
func share(v, low, high float64) float64 {
	if !(high > low) {
		return 0
	}
	return 100 * min(1, max(0, (v-low)/(high-low)))
}

// ring are the colours of the thresholds around a gauge.
func (l look) ring(low, high float64) []arc {
	var out []arc
	for i, s := range l.Thresholds.Steps {
		from, to := low, high
		if s.Value != nil {
			from = max(low, l.limit(*s.Value))
		}
		if i+1 < len(l.Thresholds.Steps) && l.Thresholds.Steps[i+1].Value != nil {
			to = l.limit(*l.Thresholds.Steps[i+1].Value)
		}
		if begin, end := share(from, low, high), share(to, low, high); end > begin {
			out = append(out, arc{begin, end - begin, inColour(s.Color)})
		}
	}
	return out
}
