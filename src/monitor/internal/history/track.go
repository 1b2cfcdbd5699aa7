package history

import (
	"math"
	"time"
)

// track is the rings of one collector. Its series share the times, as all
// figures of a reading are of one moment. NaN stands for no figure.
type track struct {
	last     time.Time // of the newest sample
	counters counters
	series   map[Ref]*series
	leftOut  []Ref // of the newest sample

	at      []int64 // ms since 1970, of each sample
	samples int     // taken since the start; the newest is at (samples-1) % len(at)
	starts  []int64 // ms since 1970, of each bucket that was closed
	buckets int     // closed since the start
	open    int64   // ms since 1970, of the bucket that is filled now
}

// series is one figure's values.
type series struct {
	seen            time.Time
	values          []float32
	mean, low, high []float32
	// What the bucket that is filled now has.
	sum      float64
	count    int
	min, max float32
}

const bucketsKept = int(BucketsTime / BucketTime)

func newTrack(samples int) *track {
	return &track{series: make(map[Ref]*series), at: make([]int64, samples), starts: make([]int64, bucketsKept)}
}

func newSeries(samples int) *series {
	s := &series{
		values: make([]float32, samples),
		mean:   make([]float32, bucketsKept), low: make([]float32, bucketsKept), high: make([]float32, bucketsKept),
	}
	for _, ring := range [][]float32{s.values, s.mean, s.low, s.high} {
		for i := range ring {
			ring[i] = nan()
		}
	}
	return s
}

// nan stands for no figure.
func nan() float32 { return float32(math.NaN()) }

func (t *track) bytes() int { return 8*len(t.at) + 8*len(t.starts) }

// seriesBytes is what a series takes, with its place in the maps.
func (t *track) seriesBytes(ref Ref) int {
	const entries = 400
	return 4*len(t.at) + 3*4*bucketsKept + entries + 2*len(ref.Item)
}

// advance begins a sample. It returns whether it closed a bucket.
func (t *track) advance(now time.Time) bool {
	ms := now.UnixMilli()
	bucket := ms - ms%BucketTime.Milliseconds()
	closed := t.samples > 0 && bucket != t.open
	if closed {
		i := t.buckets % bucketsKept
		t.starts[i] = t.open
		for _, s := range t.series {
			s.close(i)
		}
		t.buckets++
	}
	t.open = bucket
	i := t.samples % len(t.at)
	t.at[i] = ms
	for _, s := range t.series {
		s.values[i] = nan()
	}
	t.samples++
	return closed
}

// put adds a value to the newest sample.
func (t *track) put(s *series, value float64) {
	v := float32(value)
	s.seen = t.last
	s.values[(t.samples-1)%len(t.at)] = v
	if s.count == 0 || v < s.min {
		s.min = v
	}
	if s.count == 0 || v > s.max {
		s.max = v
	}
	s.sum += value
	s.count++
}

func (s *series) close(i int) {
	s.mean[i], s.low[i], s.high[i] = nan(), nan(), nan()
	if s.count > 0 {
		s.mean[i], s.low[i], s.high[i] = float32(s.sum/float64(s.count)), s.min, s.max
	}
	s.sum, s.count = 0, 0
}

// Points are a series' values in a time, the oldest first. Moments without a
// figure are left out.
type Points struct {
	Samples []Point
	Buckets []Bucket
}

// Point is one sample.
type Point struct {
	At    int64 // ms since 1970
	Value float32
}

// Bucket is what a figure was within BucketTime.
type Bucket struct {
	From           int64 // ms since 1970
	Mean, Min, Max float32
}

func (t *track) points(s *series, from, to time.Time) Points {
	first, last := from.UnixMilli(), to.UnixMilli()
	p := Points{Samples: []Point{}, Buckets: []Bucket{}}
	keptFrom := t.last.Add(-SampleTime).UnixMilli()
	for n := max(0, t.samples-len(t.at)); n < t.samples; n++ {
		i := n % len(t.at)
		if at, v := t.at[i], s.values[i]; at >= max(first, keptFrom) && at <= last && v == v {
			p.Samples = append(p.Samples, Point{at, v})
		}
	}
	keptFrom = t.last.Add(-BucketsTime).UnixMilli()
	for n := max(0, t.buckets-bucketsKept); n < t.buckets; n++ {
		i := n % bucketsKept
		if at := t.starts[i]; at >= max(first, keptFrom) && at <= last && s.mean[i] == s.mean[i] {
			p.Buckets = append(p.Buckets, Bucket{at, s.mean[i], s.low[i], s.high[i]})
		}
	}
	return p
}
