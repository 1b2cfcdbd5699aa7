package fault

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
)

// parameters checks the rules that Chaos Mesh has only in its schema, and those
// that it has nowhere, for the kinds that the runner injects itself.
func (c *checker) parameters(obj v1alpha1.InnerObject) {
	switch o := obj.(type) {
	case *v1alpha1.PodChaos:
		c.podChaos(&o.Spec)
	case *v1alpha1.NetworkChaos:
		c.networkChaos(&o.Spec)
	case *v1alpha1.StressChaos:
		c.stressChaos(&o.Spec)
	}
}

func (c *checker) podChaos(s *v1alpha1.PodChaosSpec) {
	if s.GracePeriod < 0 {
		c.Problem("spec.gracePeriod", "%d is negative; give seconds from 0", s.GracePeriod)
	}
	if s.GracePeriod > 0 && s.Action != v1alpha1.PodKillAction {
		c.Problem("spec.gracePeriod", "only pod-kill has one; delete it")
	}
	switch {
	case s.Action == v1alpha1.ContainerKillAction && len(s.ContainerNames) == 0:
		c.Problem("spec.containerNames", "missing; name the containers to kill")
	case s.Action != v1alpha1.ContainerKillAction && len(s.ContainerNames) > 0:
		c.Problem("spec.containerNames", "%s hits whole pods and ignores it; delete it", s.Action)
	}
}

func (c *checker) networkChaos(s *v1alpha1.NetworkChaosSpec) {
	parts := []struct {
		action v1alpha1.NetworkChaosAction
		given  bool
	}{
		{v1alpha1.DelayAction, s.Delay != nil},
		{v1alpha1.LossAction, s.Loss != nil},
		{v1alpha1.DuplicateAction, s.Duplicate != nil},
		{v1alpha1.CorruptAction, s.Corrupt != nil},
		{v1alpha1.BandwidthAction, s.Bandwidth != nil},
	}
	some := s.Rate != nil
	for _, p := range parts {
		some = some || p.given
		if s.Action == p.action && !p.given {
			c.Problem("spec."+string(p.action), "missing; action %s does nothing without it", p.action)
		}
		if s.Action == v1alpha1.PartitionAction && p.given {
			c.Problem("spec."+string(p.action), "a partition ignores it; delete it, or use action %s", p.action)
		}
	}
	if s.Action == v1alpha1.NetemAction && !some {
		c.Problem("spec", "netem does nothing without delay, loss, duplicate, corrupt or rate; give one")
	}
	switch s.Direction {
	case v1alpha1.To, v1alpha1.From, v1alpha1.Both:
	default:
		c.Problem("spec.direction", "unknown direction %q; give to, from or both", s.Direction)
	}
	switch s.PartitionBehavior {
	case v1alpha1.DropPartitionBehavior, v1alpha1.RejectPartitionBehavior:
	default:
		c.Problem("spec.partitionBehavior", "unknown behaviour %q; give drop or reject", s.PartitionBehavior)
	}
	if s.Delay != nil {
		c.notNegative("spec.delay.latency", s.Delay.Latency, true)
		c.notNegative("spec.delay.jitter", s.Delay.Jitter, false)
		c.percent("spec.delay.correlation", s.Delay.Correlation, false)
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
	if s.Bandwidth != nil {
		if _, err := ParseRate(s.Bandwidth.Rate); err != nil {
			c.Problem("spec.bandwidth.rate", "%s", err)
		}
		if s.Bandwidth.Limit == 0 {
			c.Problem("spec.bandwidth.limit", "missing; give the bytes that may wait, such as 20971520")
		}
		if s.Bandwidth.Buffer == 0 {
			c.Problem("spec.bandwidth.buffer", "missing; give the bytes that may pass at once, such as 10000")
		}
	}
}

func (c *checker) stressChaos(s *v1alpha1.StressChaosSpec) {
	if s.Stressors == nil {
		return
	}
	workers := func(path string, n int) {
		if n < 1 || n > 8192 {
			c.Problem(path, "%d workers stress nothing or everything; give 1 to 8192", n)
		}
	}
	if cpu := s.Stressors.CPUStressor; cpu != nil {
		workers("spec.stressors.cpu.workers", cpu.Workers)
		if cpu.Load != nil && (*cpu.Load < 1 || *cpu.Load > 100) {
			c.Problem("spec.stressors.cpu.load", "%d%% is no load; give 1 to 100", *cpu.Load)
		}
	}
	if memory := s.Stressors.MemoryStressor; memory != nil {
		workers("spec.stressors.memory.workers", memory.Workers)
		if memory.OOMScoreAdj < -1000 || memory.OOMScoreAdj > 1000 {
			c.Problem("spec.stressors.memory.oomScoreAdj", "%d is out of range; give -1000 to 1000", memory.OOMScoreAdj)
		}
	}
}

// notNegative checks a duration for which zero means none, which may be allowed.
func (c *checker) notNegative(path, text string, positive bool) {
	d, err := time.ParseDuration(text)
	switch {
	case positive && (err != nil || d <= 0):
		if _, err := ParseDuration(text); err != nil {
			c.Problem(path, "%s", err)
		}
	case err != nil || d < 0:
		c.Problem(path, "%q is no duration; write one like \"20ms\"", text)
	}
}

// percent checks a percentage that Chaos Mesh wants as text.
func (c *checker) percent(path, text string, positive bool) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v > 100 || positive && v == 0 {
		c.Problem(path, "%q is no percentage; write a number up to 100 in quotes and without %%: \"25\"", text)
	}
}

// ParseRate reads a bandwidth as Chaos Mesh writes it and returns bytes per
// second. Units are bit, kbit, mbit, gbit and tbit per second and, for bytes,
// bps, kbps, mbps, gbps and tbps, each a factor of 1000, as tc has them.
func ParseRate(text string) (float64, error) {
	s := strings.ToLower(strings.TrimSpace(text))
	for _, u := range []struct {
		suffix string
		bytes  float64
	}{
		{"kbit", 1e3 / 8},
		{"mbit", 1e6 / 8},
		{"gbit", 1e9 / 8},
		{"tbit", 1e12 / 8},
		{"kbps", 1e3},
		{"mbps", 1e6},
		{"gbps", 1e9},
		{"tbps", 1e12},
		{"bit", 1.0 / 8},
		{"bps", 1},
	} {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 64)
		if err != nil || n == 0 {
			break
		}
		return float64(n) * u.bytes, nil
	}
	return 0, &RateError{Text: text}
}

// RateError says that a text is no bandwidth.
type RateError struct{ Text string }

func (e *RateError) Error() string {
	return strconv.Quote(e.Text) + " is no bandwidth; write a whole number with its unit: \"1mbps\" is a megabyte, \"8mbit\" as much in bits, per second"
}
