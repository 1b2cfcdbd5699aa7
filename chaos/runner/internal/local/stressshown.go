package local

import (
	"context"
	"fmt"
	"time"

	"github.com/shirou/gopsutil/v3/mem"
)

const (
	cpuWindow = 500 * time.Millisecond // over which a load is measured
	cpuShare  = 0.75                   // of the CPU time asked must be had: more than half
	heldLeast = 0.9                    // of the memory asked
)

// observe measures what the stressor takes, and what the pod loses to it.
func (s *stressedPod) observe(ctx context.Context) observation {
	s.mu.Lock()
	stressor := s.stressor
	s.mu.Unlock()
	if stressor == nil {
		return unseen("no stressor was started")
	}
	select {
	case <-stressor.done:
		return unseen("the stressor, %s, has ended: %s", stressor, stressor.exit)
	default:
	}
	if c := s.pod.state().container; c != s.beside || !c.alive() {
		return unseen("the stressor, %s, was started beside %s, which is gone", stressor, s.beside)
	}
	o := observation{shown: true, unfelt: true, text: "stressor " + stressor.String()}
	take := func(part observation) {
		o.shown, o.unfelt = o.shown && part.shown, o.unfelt && part.unfelt
		o.text += ", " + part.text
	}
	if s.workers > 0 {
		take(s.observeCPU(ctx, stressor))
	}
	if s.memory > 0 {
		take(s.observeMemory(ctx, stressor))
	}
	if !stressor.alive() {
		return unseen("the stressor ended during the measurement (%s)", o.text)
	}
	if o.unfelt = o.unfelt && o.shown; o.unfelt {
		o.text += ": load applied, not felt"
	}
	return o
}

// observeCPU looks at the CPU that both share: what the stressor had of it and
// waited for, and how long the pod waited.
func (s *stressedPod) observeCPU(ctx context.Context, stressor *proc) observation {
	if s.before.err != nil {
		return unseen("%s", s.before.err)
	}
	theirs, err := allowed(stressor.pid)
	if err != nil {
		return unseen("%s", err)
	}
	pods, err := allowed(s.beside.pid)
	if err != nil {
		return unseen("%s", err)
	}
	if theirs != pods || theirs.set.Count() != 1 {
		return unseen("may run on CPUs %s, the pod on CPUs %s: they do not share one", theirs, pods)
	}
	used, err := cpuUse(ctx, cpuWindow, stressor.pid, s.beside.pid)
	if err != nil {
		return unseen("%s", err)
	}
	o := s.judgeCPU(used[0], used[1])
	o.text = fmt.Sprintf("on CPU %s with the pod, %s", theirs, o.text)
	return o
}

// judgeCPU decides by what the stressor and the pod had and waited for in a second.
func (s *stressedPod) judgeCPU(stressor, pod cpuTime) observation {
	asked := float64(s.workers) * float64(s.load) / 100
	ran := stressor.ran.Seconds()
	demand := ran + stressor.waited.Seconds() // how many of its threads want the CPU
	o := observation{
		text: fmt.Sprintf("uses %.2f and waits %.2f CPU seconds per second, %d workers at %d%% asked; the pod ran %s and waited %s in a second, %s before",
			ran, stressor.waited.Seconds(), s.workers, s.load, round(pod.ran), round(pod.waited), round(s.before.cpu.waited)),
	}
	// A worker that had what it wants rests; one that never rests takes what the
	// CPU gives, however busy that is.
	if asked < 1 {
		o.shown = ran >= cpuShare*asked || demand >= 0.95*float64(s.workers)
	} else {
		o.shown = demand >= 0.9*float64(s.workers)
	}
	lost := pod.waited - s.before.cpu.waited
	o.unfelt = lost < max(time.Millisecond, pod.ran/20)
	return o
}

// observeMemory looks at what the stressor holds, and whether the pod or the
// machine had to wait for memory meanwhile.
func (s *stressedPod) observeMemory(ctx context.Context, stressor *proc) observation {
	held, err := heldMemory(stressor.pid)
	if err != nil {
		return unseen("%s", err)
	}
	o := observation{
		shown: float64(held) >= heldLeast*float64(s.memory),
		text:  fmt.Sprintf("holds %s of the %s asked", inUnits(float64(held)), inUnits(float64(s.memory))),
	}
	before, err := memoryWaits(s.beside.pid)
	if err != nil {
		return unseen("%s", err)
	}
	began := time.Now()
	pause(ctx, cpuWindow)
	after, err := memoryWaits(s.beside.pid)
	if err != nil {
		return unseen("%s", err)
	}
	machine, err := mem.VirtualMemory()
	if err != nil {
		return unseen("available memory: %s", err)
	}
	faults, stalled := after.faults-before.faults, after.stalled-before.stalled
	o.text += fmt.Sprintf("; in %s the pod fetched %d pages again and the machine stalled %s for memory; %s of memory left, %s before",
		round(time.Since(began)), faults, round(stalled), inUnits(float64(machine.Available)), inUnits(float64(s.room)))
	o.unfelt = faults == 0 && stalled < time.Millisecond
	return o
}
