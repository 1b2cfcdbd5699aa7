package chart

// laneHeight is the height of a lane's picture, in pixels.
const laneHeight = 32

// Lane is one line of a timeline of states: what something was, and when.
type Lane struct {
	ID, Title, Description string
	// Thin states are drawn below full ones: pending below firing.
	Thin, Full []Band
	// Expected is a stretch within which something should happen, drawn as a bracket.
	Expected *Span
}

// LaneRow is a lane laid out in a frame, for the template "lane".
type LaneRow struct {
	ID, Title, Description string
	Frame                  Frame
	Shades                 []Box
	Thin, Full             []Box
	Expected               *Box
}

// Draw lays l out at every size.
func (l Lane) Draw(w Window, n Annotations, sizes ...Size) []LaneRow {
	var out []LaneRow
	for _, s := range sizes {
		f := newFrame(w, s, laneHeight, 3, 3)
		r := LaneRow{
			ID: l.ID + s.ID, Title: l.Title, Description: l.Description, Frame: f,
			Shades: f.boxes(n.Shades), Thin: f.boxes(l.Thin), Full: f.boxes(l.Full),
		}
		if l.Expected != nil {
			b := f.box(Band{Span: *l.Expected})
			r.Expected = &b
		}
		out = append(out, r)
	}
	return out
}

// TimeAxis is the common axis below lanes, for the template "timeaxis".
type TimeAxis struct {
	Frame Frame
	Bands []Box
	Marks []Mark
}

// TimeAxes lays the axis of a window out at every size.
func TimeAxes(w Window, n Annotations, sizes ...Size) []TimeAxis {
	var out []TimeAxis
	for _, s := range sizes {
		f := newFrame(w, s, 44, 2, 24)
		out = append(out, TimeAxis{Frame: f, Bands: f.boxes(n.Bands), Marks: f.marks()})
	}
	return out
}
