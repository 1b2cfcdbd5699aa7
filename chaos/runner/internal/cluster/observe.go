package cluster

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Observations remember when this process saw each Lease change. Whether a run is
// alive is judged by them alone, as client-go's leader election does: the times
// within a Lease are those of the runner's clock, which may differ from ours and
// from the API server's by any amount. It takes up to a whole lease duration to
// know that a run is dead, and one renewal to know that it is alive.
//
// The zero value is ready to use. It is not safe for concurrent use.
type Observations struct{ seen map[types.UID]observation }

type observation struct {
	renewed time.Time // what the Lease says
	at      time.Time // when we saw it say so first
	changed bool      // it said something else before
}

// See takes in the Leases that there are now, at the time now, and forgets others.
func (o *Observations) See(leases []RunLease, now time.Time) {
	next := make(map[types.UID]observation, len(leases))
	for _, l := range leases {
		was, known := o.seen[l.UID]
		if !known || !was.renewed.Equal(l.Renewed) {
			was = observation{renewed: l.Renewed, at: now, changed: known}
		}
		next[l.UID] = was
	}
	o.seen = next
}

// Renewed is true when the Lease was seen to be renewed.
func (o *Observations) Renewed(l RunLease) bool { return o.seen[l.UID].changed }

// Until is when the run of this Lease is dead unless the Lease changes before.
func (o *Observations) Until(l RunLease) time.Time { return o.seen[l.UID].at.Add(l.Duration) }
