// Package loss explains the requests that were lost when a pod died, from times alone:
// those of the death and those of the requests, by one clock.
package loss

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Failure is a request without a good answer.
type Failure struct {
	Reason string        // as the load generator names it
	Sent   time.Time     // when it left the generator's queue
	Took   time.Duration // from then until it had failed
	Error  string
}

func (f Failure) String() string {
	return fmt.Sprintf("%s after %s, sent at %s: %s", f.Reason, f.Took, f.Sent.Format("15:04:05.000"), f.Error)
}

// Failures reads those that `ballast load` wrote among its other lines.
func Failures(log []byte) ([]Failure, error) {
	var all []Failure
	lines := bufio.NewScanner(bytes.NewReader(log))
	lines.Buffer(nil, len(log)+1)
	for lines.Scan() {
		var l struct {
			Msg, Reason, Error string
			Sent               time.Time
			Seconds            float64
		}
		if !bytes.Contains(lines.Bytes(), []byte(`"request failed"`)) {
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("a failed request: %w: %s", err, lines.Text())
		}
		if l.Reason == "" || l.Sent.IsZero() {
			return nil, fmt.Errorf("a failed request without its reason or its time: %s", lines.Text())
		}
		all = append(all, Failure{l.Reason, l.Sent, time.Duration(l.Seconds * float64(time.Second)), l.Error})
	}
	return all, lines.Err()
}

// Death is when a pod died, and when others took notice. A time that is zero is not
// known.
type Death struct {
	Told      time.Time // to die
	Alive     time.Time // the process was last seen alive: it ended between then and Ended
	Ended     time.Time // the process was first seen ended, and with it all its connections
	Withdrawn time.Time // the EndpointSlices of the Service no longer called it ready
	Unrouted  time.Time // the rules of the node led no new connection to it
}

func (d Death) String() string {
	after := func(at time.Time) string {
		if at.IsZero() {
			return "at an unknown time"
		}
		return fmt.Sprintf("after %.3f s", at.Sub(d.Told).Seconds())
	}
	return fmt.Sprintf("told to die, the process had ended %s, its endpoint was withdrawn %s, and the rules of the node led nobody there %s",
		after(d.Ended), after(d.Withdrawn), after(d.Unrouted))
}

// Causes are lost requests by what they were lost to.
type Causes struct {
	// InFlight were sent before the process was seen ended, and failed after it was last
	// seen alive.
	InFlight int
	// DeadConnection were sent after that, on what was left of a connection to it.
	DeadConnection int
	// Refused got no connection, as new ones still led to the dead pod.
	Refused int
	// Unexplained have nothing to do with that death, as far as times can tell.
	Unexplained []Failure
}

// Lost is how many requests were lost in all.
func (c Causes) Lost() int { return c.InFlight + c.DeadConnection + c.Refused + len(c.Unexplained) }

func (c Causes) String() string {
	text := fmt.Sprintf("%d lost: %d in flight, %d sent on a connection of the dead pod, %d refused before nothing led there any more, %d unexplained",
		c.Lost(), c.InFlight, c.DeadConnection, c.Refused, len(c.Unexplained))
	for _, f := range c.Unexplained {
		text += "\n  " + f.String()
	}
	return text
}

// news is how long a client may take for alive what is left of a connection: the load
// generator keeps none for longer without a request.
const news = time.Second

// Attribute says what each request was lost to. Times may be wrong by slack.
//
// A dead process loses the requests that it had not answered, and those that are sent
// on its connections before the client knows that they have ended. Until the rules of
// the node have changed, it refuses new connections. Whatever failed while it was still
// seen alive, or later than that, or for another reason, is another mistake.
func Attribute(failures []Failure, d Death, slack time.Duration) Causes {
	var c Causes
	for _, f := range failures {
		failedBefore := f.Sent.Add(f.Took + slack).Before(d.Alive)
		sentAfter := func(at time.Time) bool { return f.Sent.After(at.Add(slack)) }
		switch {
		case d.Alive.IsZero(), d.Ended.IsZero(), failedBefore:
			c.Unexplained = append(c.Unexplained, f)
		case f.Reason == "connect" && (d.Unrouted.IsZero() || !sentAfter(d.Unrouted)):
			c.Refused++
		case !f.connected(), sentAfter(d.Ended.Add(news)):
			c.Unexplained = append(c.Unexplained, f)
		case f.Sent.After(d.Ended):
			c.DeadConnection++
		default:
			c.InFlight++
		}
	}
	return c
}

// connected says whether the request had a connection.
func (f Failure) connected() bool {
	return f.Reason == "reset" || f.Reason == "cut" || f.Reason == "timeout"
}
