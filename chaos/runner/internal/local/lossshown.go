package local

import (
	"fmt"
	"math"
	"time"
)

const (
	mostLossSamples = 400 // in one look
	lossWidth       = 16  // requests at a time

	// lateBy is how much later than the fast requests one is that was sent again.
	lateBy = rto * 9 / 10
	// fastUpTo is the loss up to which some requests of a look come through unharmed.
	fastUpTo = 0.9

	// lossSure is by how many standard errors the share of late requests must exceed
	// what half of the loss would bring: an injection of half passes one look in two
	// hundred.
	lossSure = 2.6
	// lookGap ends a series of looks: those before it saw another time.
	lookGap = time.Second
)

// lossSeries adds up looks that follow each other, as a loss is a matter of chance.
type lossSeries struct {
	late, sent           int
	besideLate, besideOf int
	last                 time.Time // when its last look ended
}

// lossShown looks for requests that a retransmission made late, at a look that began
// at the time given.
func (f *networkFault) lossShown(began time.Time, path, beside []sample, others network) observation {
	if f.before.median > rto/2 {
		return unseen("the path took %s in the median before: too slow to distinguish it from a retransmission (%s)", round(f.before.median), rto)
	}
	if began.Sub(f.series.last) > lookGap {
		f.series = lossSeries{}
	}
	all := f.network.with(others)
	twin, _ := median(beside)
	// What the fast requests should take, and what they do take.
	expected := max(f.before.fast, twin) + max(0, all.latency-all.jitter)
	fast, some := quantileOfAll(path, (1-all.loss)/4)
	if all.loss <= fastUpTo && (!some || fast > expected+rto/2) {
		return unseen("even the fastest requests take %s, %s expected: that is not a loss of %.3g%%", round(fast), round(expected), 100*f.loss)
	}
	slow, broken := late(path, max(expected, min(fast, expected+rto/2))+lateBy)
	if broken != nil {
		return unseen("a request on the path failed, which no loss explains: %s", plain(broken))
	}
	other, broken := late(beside, max(f.before.fast, twin)+lateBy)
	if broken != nil {
		return unseen("a request beside the path failed: %s", plain(broken))
	}
	s := &f.series
	s.late, s.sent = s.late+slow, s.sent+len(path)
	s.besideLate, s.besideOf = s.besideLate+other, s.besideOf+len(beside)
	s.last = time.Now()
	o := s.judge(f.loss, others.loss)
	if o.shown {
		f.series = lossSeries{} // what is measured again must show again
	}
	return o
}

// late counts the requests that took this long, or were never answered, and
// returns why one failed otherwise.
func late(ss []sample, least time.Duration) (n int, broken error) {
	for _, s := range ss {
		switch {
		case s.err != nil && !timedOut(s.err):
			broken = s.err
		case s.err != nil || s.took >= least:
			n++
		}
	}
	return n, broken
}

// judge says whether more requests were late than half of the loss would make.
func (s lossSeries) judge(p, others float64) observation {
	share := float64(s.late) / float64(s.sent)
	beside := float64(s.besideLate) / float64(s.besideOf)
	half := 1 - (1-p/2)*(1-others)
	doubt := lossSure * math.Sqrt(share*(1-share)/float64(s.sent)+beside*(1-beside)/float64(s.besideOf))
	return observation{
		shown: share-beside-doubt > half,
		text: fmt.Sprintf("%d of %d requests (%.1f%%) were late by a retransmission (%s), %d of %d beside the path, at a loss of %.3g%%: over %.1f%% wanted",
			s.late, s.sent, 100*share, rto, s.besideLate, s.besideOf, 100*p, 100*(half+beside+doubt)),
	}
}

// lossSamples is how many requests usually show a loss at one look.
func lossSamples(p float64) int {
	if p <= 0 {
		return 0
	}
	unharmed := 3 / (1 - min(p, fastUpTo))
	return min(mostLossSamples, max(12, int(math.Ceil(max(60*(1-p)/p, unharmed)))))
}
