package chart

import (
	"html/template"
	"time"
)

// StateLine is what something was over time, for the template "states".
type StateLine struct {
	Name  string
	Cells []StateCell
}

// StateCell is a stretch in which something was the same, in percent of the width.
type StateCell struct {
	Left, Width float64
	Label       string
	Style       template.CSS
}

// StatesView are lines of states over one time axis.
type StatesView struct {
	Lines   []StateLine
	Times   TimePlaces
	Regions []RegionBox
}

// StatePoint is a state at one time, which lasts a step.
type StatePoint struct {
	T     time.Time
	Label string
	Style template.CSS
}

// States lays lines of states out over a window: neighbours that look the same are one
// cell, and where no point is, nothing is.
func States(w Window, step time.Duration, width float64, names []string, points [][]StatePoint, regions []Region) StatesView {
	f := Frame{Size: Size{Width: width, Right: width}, window: w}
	v := StatesView{Times: f.places()}
	for i, line := range points {
		l := StateLine{Name: names[i]}
		for j := 0; j < len(line); {
			k := j + 1
			for k < len(line) && line[k].Label == line[j].Label && line[k].Style == line[j].Style && line[k].T.Sub(line[k-1].T) <= step+step/2 {
				k++
			}
			end := line[k-1].T.Add(step)
			if k < len(line) {
				end = earlier(end, line[k].T)
			}
			left := 100 * f.X(line[j].T) / width
			l.Cells = append(l.Cells, StateCell{left, 100*f.X(end)/width - left, line[j].Label, line[j].Style})
			j = k
		}
		v.Lines = append(v.Lines, l)
	}
	for _, r := range regions {
		left := 100 * f.X(r.Start) / width
		v.Regions = append(v.Regions, RegionBox{left, 100*f.X(r.End)/width - left, r.Label, r.Style})
	}
	return v
}
