package local

import "time"

// The restart policy is a kubelet's (at once, then 10 s, 20 s, … capped at 5
// minutes, forgotten after 10 stable minutes) made 10 times faster, so that an
// experiment of a minute sees as much of it as one of ten minutes on a cluster.
const (
	backoffFirst  = time.Second
	backoffMost   = 30 * time.Second
	backoffStable = time.Minute
)

// backoff decides how long a container that ended waits for its restart. The
// zero value is ready.
type backoff struct {
	next time.Duration // 0: at once
}

// after returns the wait after a container that ran for the time given.
func (b *backoff) after(ran time.Duration) time.Duration {
	if ran >= backoffStable {
		b.next = 0
	}
	wait := b.next
	b.next = min(max(backoffFirst, 2*wait), backoffMost)
	return wait
}
