package slo

import (
	"math/rand/v2"
	"testing"
	"time"
)

func stretch(from, to float64) Stretch { return Stretch{sec(from), sec(to)} }

func TestAnAlertIsDueFromItsConditionOn(t *testing.T) {
	plain := Reaction{Scrape: time.Second, Every: time.Second}
	for name, tt := range map[string]struct {
		rule        Reaction
		met, nearly []Stretch
		start, end  float64 // end 0: the condition was only nearly met
		unsure      bool    // it may not fire at all
		never       bool
	}{
		"a rule without a pending time":       {rule: plain, met: []Stretch{stretch(2, 30)}, nearly: []Stretch{stretch(2, 30)}, start: 2, end: 5.1},
		"a condition nearly met a scrape ago": {rule: plain, met: []Stretch{stretch(2, 30)}, nearly: []Stretch{stretch(1, 30)}, start: 1, end: 4.2},
		"a condition nearly met long ago":     {rule: plain, met: []Stretch{stretch(20, 60)}, nearly: []Stretch{stretch(1, 60)}, start: 18, end: 23},
		"a condition that was only nearly met may fire": {
			rule: plain, nearly: []Stretch{stretch(2, 30)}, start: 2,
		},
		"a condition that was not even nearly met": {rule: plain, never: true},
		"a pending time ends at an evaluation": {
			rule: Reaction{Scrape: time.Second, Every: time.Second, For: 1600 * time.Millisecond},
			met:  []Stretch{stretch(2, 30)}, nearly: []Stretch{stretch(2, 30)}, start: 4, end: 7.2,
		},
		"a group that records for another one": {
			rule: Reaction{Scrape: time.Second, Every: 2 * time.Second, Hop: time.Second},
			met:  []Stretch{stretch(2, 30)}, nearly: []Stretch{stretch(2, 30)}, start: 2, end: 7.1,
		},
		"a stretch that is shorter than the pending time does not fire": {
			rule: Reaction{Scrape: time.Second, Every: time.Second, For: 10 * time.Second},
			met:  []Stretch{stretch(2, 5), stretch(20, 50)}, nearly: []Stretch{stretch(2, 5), stretch(20, 50)}, start: 30, end: 34.5,
		},
		"a stretch that may be over before it is seen can fire": {
			rule: plain,
			met:  []Stretch{stretch(2, 3), stretch(20, 50)}, nearly: []Stretch{stretch(2, 3), stretch(20, 50)}, start: 2, end: 24,
		},
		"one that may be over before it is seen, alone": {
			rule: plain, met: []Stretch{stretch(2, 3)}, nearly: []Stretch{stretch(2, 3)}, start: 2, end: 5.1, unsure: true,
		},
		"the last of two that may be over before they are seen": {
			rule: plain, met: []Stretch{stretch(2, 3), stretch(20, 21)}, nearly: []Stretch{stretch(2, 3), stretch(20, 21)}, start: 2, end: 24, unsure: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, ok := tt.rule.Band(zero, tt.met, tt.nearly)
			if ok == tt.never {
				t.Fatalf("it is due: %v", ok)
			}
			near := func(got time.Time, want float64) bool { return got.Sub(sec(want)).Abs() < time.Millisecond }
			switch {
			case tt.never:
			case !near(b.Start, tt.start):
				t.Errorf("from %s on, want %v", b.Start.Sub(zero), tt.start)
			case b.Sure != (tt.end > 0 && !tt.unsure):
				t.Errorf("it is sure to fire: %v", b.Sure)
			case tt.end == 0 && !b.End.IsZero():
				t.Errorf("due by %s, and it may not fire at all", b.End.Sub(zero))
			case tt.end > 0 && !near(b.End, tt.end):
				t.Errorf("due by %s, want %v", b.End.Sub(zero), tt.end)
			}
		})
	}
}

// TestABandHoldsEveryPhase fires an alert at random phases: a scrape that can be read up
// to its interval late, the next evaluation of a group that records, the next one of the
// alert's own, and the one that ends its pending time.
func TestABandHoldsEveryPhase(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	upTo := func(d time.Duration) time.Duration {
		if d <= 0 {
			return 0
		}
		return time.Duration(rng.Int64N(int64(d)))
	}
	for range 10_000 {
		r := Reaction{Scrape: time.Second + upTo(30*time.Second), Every: time.Second + upTo(time.Minute)}
		if rng.IntN(2) == 0 {
			r.Hop = time.Second + upTo(time.Minute)
		}
		if rng.IntN(2) == 0 {
			r.For = upTo(5 * time.Minute)
		}
		c := upTo(10 * time.Minute)
		met := []Stretch{{Start: zero.Add(c), End: zero.Add(time.Hour)}}
		nearly := []Stretch{{Start: zero.Add(max(0, c-upTo(2*r.Scrape))), End: zero.Add(time.Hour)}}
		b, ok := r.Band(zero, met, nearly)
		if !ok || !b.Sure {
			t.Fatalf("%+v is not sure to fire", r)
		}
		// Without the sample that the replay may be off by, all of a scrape is for reading.
		read := upTo(r.Scrape)
		if nearly[0].Start.Before(met[0].Start) {
			read = 0
		}
		pending := ceil(r.For, r.Every)
		fired := met[0].Start.Add(read + upTo(r.Hop) + upTo(r.Every) + pending)
		if fired.Before(b.Start) || fired.After(b.End) {
			t.Fatalf("%+v: fired after %s, due after %s to %s", r, fired.Sub(zero), b.Start.Sub(zero), b.End.Sub(zero))
		}
		most := r.Scrape + r.Hop + r.Every + time.Second + (c+pending)/10
		if wide := b.End.Sub(b.Start); wide > most+time.Millisecond {
			t.Fatalf("%+v: the band is %s wide, at most %s is right", r, wide, most)
		}
	}
}
