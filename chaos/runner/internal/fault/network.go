package fault

import (
	"math"
	"strconv"
	"strings"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"

	"github.com/ballast-sre/ballast/internal/document"
)

// part is one of the things that a NetworkChaos can carry.
type part struct {
	name  string // of its field
	given bool
	netem bool // carried out by netem, together with the other parts of netem
}

func partsOf(s *v1alpha1.NetworkChaosSpec) []part {
	return []part{
		{"delay", s.Delay != nil, true},
		{"loss", s.Loss != nil, true},
		{"duplicate", s.Duplicate != nil, true},
		{"corrupt", s.Corrupt != nil, true},
		{"rate", s.Rate != nil, true},
		{"bandwidth", s.Bandwidth != nil, false},
	}
}

func (c *checker) networkChaos(s *v1alpha1.NetworkChaosSpec) {
	c.parts(s)
	switch s.Direction {
	case v1alpha1.To, v1alpha1.From, v1alpha1.Both:
	default:
		c.Problem("spec.direction", "unknown direction %q; give to, from or both", s.Direction)
	}
	switch s.PartitionBehavior {
	case v1alpha1.DropPartitionBehavior, v1alpha1.RejectPartitionBehavior:
		// The API's default fills it in, so the file says whether it was given.
		if s.Action != v1alpha1.PartitionAction && document.Find(c.Doc.Root, "spec", "partitionBehavior") != nil {
			c.Problem("spec.partitionBehavior", "only a partition has one, and Chaos Mesh ignores it beside action %s; delete it, or use action partition", s.Action)
		}
	default:
		c.Problem("spec.partitionBehavior", "unknown behaviour %q; give drop or reject", s.PartitionBehavior)
	}
	if s.TargetDevice != "" && s.Target == nil {
		c.Problem("spec.targetDevice", "it names a device of the target's pods, and no target is given; delete it, or name the device of the selected pods by device")
	}
	c.netem(s)
	if s.Bandwidth != nil {
		c.bandwidth(s.Bandwidth)
	}
}

// parts refuses what Chaos Mesh would drop without a word. Its controller makes
// one netem of delay, loss, duplicate, corrupt and rate, whichever of those
// actions is named; action bandwidth reads bandwidth alone, partition none of them.
func (c *checker) parts(s *v1alpha1.NetworkChaosSpec) {
	var netem []string
	for _, p := range partsOf(s) {
		if p.given && p.netem {
			netem = append(netem, p.name)
		}
	}
	action := string(s.Action)
	for _, p := range partsOf(s) {
		at := "spec." + p.name
		switch {
		case p.given && s.Action == v1alpha1.PartitionAction:
			c.Problem(at, "a partition ignores it; delete it, or move it to a separate NetworkChaos with action %s", actionFor(p.name))
		case p.given && s.Action == v1alpha1.BandwidthAction && p.netem:
			c.Problem(at, "action bandwidth ignores it; delete it, or use action netem with rate: {rate: …} in place of bandwidth")
		case p.given && s.Action != v1alpha1.BandwidthAction && !p.netem:
			c.Problem(at, "action %s ignores it; delete it, or limit the rate beside %s by rate: {rate: %q}", action, action, s.Bandwidth.Rate)
		case p.given || p.name != action:
		case len(netem) > 0 && p.netem:
			c.Problem(at, "missing; Chaos Mesh would do %s alone; add it, or write action: %s", strings.Join(netem, " and "), actionFor(netem...))
		default:
			c.Problem(at, "missing; action %s does nothing without it", action)
		}
	}
	if s.Action == v1alpha1.NetemAction && len(netem) == 0 {
		c.Problem("spec", "netem does nothing without delay, loss, duplicate, corrupt or rate; give one")
	}
}

// actionFor names the action that fits these parts.
func actionFor(parts ...string) string {
	if len(parts) == 1 && parts[0] != "rate" {
		return parts[0]
	}
	return string(v1alpha1.NetemAction)
}

// netem checks what each part asks for.
func (c *checker) netem(s *v1alpha1.NetworkChaosSpec) {
	if s.Delay != nil {
		c.tcDuration("spec.delay.latency", s.Delay.Latency, true)
		c.tcDuration("spec.delay.jitter", s.Delay.Jitter, false)
		c.percent("spec.delay.correlation", s.Delay.Correlation, false)
		if r := s.Delay.Reorder; r != nil {
			c.percent("spec.delay.reorder.reorder", r.Reorder, true)
			c.percent("spec.delay.reorder.correlation", r.Correlation, false)
			if r.Gap < 0 {
				c.Problem("spec.delay.reorder.gap", "%d is negative; give the number of packets from 1", r.Gap)
			}
		}
	}
	if s.Loss != nil {
		c.percent("spec.loss.loss", s.Loss.Loss, true)
		c.percent("spec.loss.correlation", s.Loss.Correlation, false)
	}
	if s.Duplicate != nil {
		c.percent("spec.duplicate.duplicate", s.Duplicate.Duplicate, true)
		c.percent("spec.duplicate.correlation", s.Duplicate.Correlation, false)
	}
	if s.Corrupt != nil {
		c.percent("spec.corrupt.corrupt", s.Corrupt.Corrupt, true)
		c.percent("spec.corrupt.correlation", s.Corrupt.Correlation, false)
	}
	if s.Rate != nil {
		c.rate("spec.rate.rate", s.Rate.Rate)
	}
}

func (c *checker) bandwidth(b *v1alpha1.BandwidthSpec) {
	c.rate("spec.bandwidth.rate", b.Rate)
	if b.Limit == 0 {
		c.Problem("spec.bandwidth.limit", "missing; give the bytes that may wait, such as 20971520")
	}
	if b.Buffer == 0 {
		c.Problem("spec.bandwidth.buffer", "missing; give the bytes that may pass at once, such as 10000")
	}
	peak := b.Peakrate != nil && *b.Peakrate > 0
	burst := b.Minburst != nil && *b.Minburst > 0
	switch {
	case peak && !burst:
		c.Problem("spec.bandwidth.peakrate", "Chaos Mesh ignores it without minburst; give minburst, the bytes of one packet such as 1500, or delete it")
	case burst && !peak:
		c.Problem("spec.bandwidth.minburst", "Chaos Mesh ignores it without peakrate; give peakrate in bytes per second, or delete it")
	}
}

func (c *checker) rate(path, text string) {
	if _, err := ParseRate(text); err != nil {
		c.Problem(path, "%s", err)
	}
}

// percent checks a percentage that Chaos Mesh wants as text.
func (c *checker) percent(path, text string, positive bool) {
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsNaN(v) || v < 0 || v > 100:
		c.Problem(path, "%q is not a percentage; write a number up to 100 in quotes and without %%: \"25\"", text)
	case positive && v == 0:
		c.Problem(path, "%q does nothing; write a number above 0 and up to 100, or delete %s", text, parent(path))
	}
}

// parent is the last but one name of a path.
func parent(path string) string {
	names := strings.Split(path, ".")
	return names[max(0, len(names)-2)]
}
