package access

import (
	"errors"
	"time"
)

const (
	// maxWaiting is how many comparisons may wait for their turn.
	maxWaiting = 16
	// patience is how long each may wait.
	patience = 5 * time.Second
	// rest is how many times as long as a comparison that failed nothing is
	// compared, so that guessing takes a fifth of a core at most.
	rest = 4
)

// errBusy reports that too many comparisons wait already.
var errBusy = errors.New("too many passwords wait to be checked")

// pace lets one comparison run at a time. A hash is made to cost much of a
// processor, and anybody can send a password.
type pace struct {
	places chan struct{}
	turn   chan struct{}
	free   time.Time // when the next may begin; whoever has the turn has it
}

func newPace() *pace {
	return &pace{places: make(chan struct{}, maxWaiting), turn: make(chan struct{}, 1)}
}

// do runs a comparison when its turn has come, or returns errBusy.
func (p *pace) do(compare func() bool) (bool, error) {
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	default:
		return false, errBusy
	}
	until := time.Now().Add(patience)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-timer.C:
		return false, errBusy
	}
	if p.free.After(until) {
		return false, errBusy
	}
	time.Sleep(time.Until(p.free))
	start := time.Now()
	right := compare()
	if !right {
		p.free = time.Now().Add(rest * time.Since(start))
	}
	return right, nil
}
