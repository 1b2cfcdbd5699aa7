package load

// reason says why a request failed. Until a request has its outcome, the ledger
// holds the reason that it would fail for if its time were over now, so that
// every error has one, also when the request never ends.
type reason uint8

const (
	reasonNone reason = iota // it did not fail
	// reasonUnsent: the generator did not come to send it in time.
	reasonUnsent
	// reasonConnect: there was no connection to send it on. It was refused, the
	// address was unreachable or unknown, TLS failed, or none of that was over in
	// time.
	reasonConnect
	// reasonReset: it was sent, and its connection ended before there was a whole
	// header of an answer, or brought something other than HTTP.
	reasonReset
	// reasonTimeout: it was sent, and there was no whole answer in time.
	reasonTimeout
	// reasonCut: the answer ended within its body.
	reasonCut
	// reasonStatus: the status of the answer was not 2xx.
	reasonStatus

	reasonCount
)

// String is the reason's name in metrics, logs and totals.
func (r reason) String() string {
	return [reasonCount]string{"", "unsent", "connect", "reset", "timeout", "cut", "status"}[r]
}
