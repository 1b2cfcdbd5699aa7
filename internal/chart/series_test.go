package chart

import (
	"testing"
	"time"
)

// at makes points at whole seconds since epoch.
func at(seconds ...float64) []Point {
	var out []Point
	for _, s := range seconds {
		out = append(out, Point{T: epoch.Add(time.Duration(s * float64(time.Second))), V: s})
	}
	return out
}

func TestMissingDataIsAGap(t *testing.T) {
	end := epoch.Add(10 * time.Second)
	tests := map[string]struct {
		points      []Point
		parts, gaps int
	}{
		"nothing at all":         {nil, 0, 1},
		"complete":               {at(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 1, 0},
		"a little late":          {at(0, 1, 2.4, 3, 4, 5.3, 6, 7, 8, 9, 10), 1, 0},
		"one step missing":       {at(0, 1, 2, 3, 5, 6, 7, 8, 9, 10), 2, 1},
		"a single point between": {at(0, 1, 5, 9, 10), 3, 2},
		"nothing at the start":   {at(5, 6, 7, 8, 9, 10), 1, 1},
		"nothing at the end":     {at(0, 1, 2, 3, 4, 5), 1, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			parts, gaps := stretches(tt.points, time.Second, epoch, end)
			if len(parts) != tt.parts || len(gaps) != tt.gaps {
				t.Errorf("%d parts, %d gaps; want %d, %d", len(parts), len(gaps), tt.parts, tt.gaps)
			}
			n := 0
			for _, p := range parts {
				n += len(p)
			}
			if n != len(tt.points) {
				t.Errorf("%d points of %d are left", n, len(tt.points))
			}
		})
	}
}

func TestThinningKeepsASpike(t *testing.T) {
	points := make([]Point, 100_000)
	for i := range points {
		points[i] = Point{T: epoch.Add(time.Duration(i) * time.Second)}
	}
	points[77_777].V = 1
	got := thin(points, 300)
	if len(got) > 600 {
		t.Errorf("%d points", len(got))
	}
	if top, _ := highest(got); top.V != 1 || !top.T.Equal(points[77_777].T) {
		t.Errorf("the spike is gone: highest %v", top)
	}
	for i := 1; i < len(got); i++ {
		if got[i].T.Before(got[i-1].T) {
			t.Fatal("points are out of order")
		}
	}
}
