package fault

import "time"

// Said is one line of a log of a target's processes, or one event of its cluster.
type Said struct {
	At     time.Time
	Source string // a pod, or the object of an event
	Text   string
}
