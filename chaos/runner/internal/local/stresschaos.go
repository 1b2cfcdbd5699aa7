package local

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/docker/go-units"
	"github.com/prometheus/procfs"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/process"
)

const (
	maxCPUWorkers = 256 // threads on one CPU: more would only measure the scheduler
	// maxMemoryShare of what is available may be taken: the machine is shared with
	// the instrument, and with whoever works on it.
	maxMemoryShare = 0.8

	cpuWindow = 500 * time.Millisecond // over which CPU use is measured
)

func stressAction(s *v1alpha1.StressChaosSpec) (action, error) {
	if s.StressngStressors != "" {
		return nil, cannot("stressngStressors: there is no stress-ng here; use stressors")
	}
	if s.RemoteCluster != "" {
		return nil, cannot("remoteCluster: there is no other cluster here")
	}
	if s.Stressors == nil || s.Stressors.CPUStressor == nil && s.Stressors.MemoryStressor == nil {
		return nil, cannot("StressChaos without a cpu or memory stressor")
	}
	var a stress
	if c := s.Stressors.CPUStressor; c != nil {
		if len(c.Options) > 0 {
			return nil, cannot("cpu options %q are stress-ng's, which is not here; leave them out", c.Options)
		}
		if c.Workers < 1 || c.Workers > maxCPUWorkers {
			return nil, cannot("%d cpu workers: give 1 to %d here", c.Workers, maxCPUWorkers)
		}
		a.workers, a.load = c.Workers, 100
		if c.Load != nil {
			a.load = *c.Load
		}
	}
	if m := s.Stressors.MemoryStressor; m != nil {
		if len(m.Options) > 0 {
			return nil, cannot("memory options %q are memStress's, which is not here; leave them out", m.Options)
		}
		if m.OOMScoreAdj < 0 {
			return nil, cannot("oomScoreAdj %d: lowering it needs privileges", m.OOMScoreAdj)
		}
		available, err := mem.VirtualMemory()
		if err != nil {
			return nil, fmt.Errorf("available memory: %w", err)
		}
		if a.memory, err = memorySize(m.Size, m.Workers, available.Available); err != nil {
			return nil, err
		}
		a.oomScore = m.OOMScoreAdj
	}
	return a, nil
}

// memorySize is what all workers together take, in bytes.
func memorySize(text string, workers int, available uint64) (uint64, error) {
	if text == "" {
		return 0, cannot("memory without a size takes all there is, and this is your machine: give a size")
	}
	var each float64
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		p, err := strconv.Atoi(percent)
		if err != nil {
			return 0, cannot("memory size %q: %w", text, err)
		}
		each = float64(available) * float64(p) / 100
	} else {
		n, err := units.FromHumanSize(text) // as Chaos Mesh reads it: decimal units
		if err != nil {
			return 0, cannot("memory size %q: %w", text, err)
		}
		each = float64(n)
	}
	total := each * float64(max(1, workers))
	if total < 1 {
		return 0, cannot("memory size %q is none", text)
	}
	if total > maxMemoryShare*float64(available) {
		return 0, cannot("memory of %s by %d workers is more than %.0f%% of the %s that this machine has left: give less",
			size(total), workers, 100*maxMemoryShare, size(float64(available)))
	}
	return uint64(total), nil
}

// stress burns CPU time or holds memory beside the pod's container.
type stress struct {
	workers  int // CPU workers; 0: none
	load     int // percent of each
	memory   uint64
	oomScore int
}

func (a stress) exclusive() bool { return a.workers > 0 }

func (a stress) emulated() string {
	var parts []string
	if a.workers > 0 {
		parts = append(parts, "the pod and its stressors share the machine's last CPU, as in a container limited to one CPU")
	}
	if a.memory > 0 {
		parts = append(parts, "memory is taken from the machine, not from a container's limit")
	}
	return strings.Join(parts, "; ")
}

func (a stress) on(e *Environment, p *pod, key string, _ pathBaseline) effector {
	return &stressedPod{stress: a, env: e, pod: p, key: key}
}

// stressedPod is a stressor process next to a pod's container.
type stressedPod struct {
	stress
	env *Environment
	pod *pod
	key string

	mu       sync.Mutex
	stressor *proc
	pinned   *container
	cpus     cpuSet // the pod's before
}

func (s *stressedPod) inject(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.pod.state()
	if st.terminating || st.container == nil {
		return fmt.Errorf("pod %s runs no container", s.pod.name)
	}
	args := []string{
		s.env.cfg.Self, StressCommand, runDirFlag + s.env.dir.path, "--run=" + s.key,
		fmt.Sprintf("--cpu-workers=%d", s.workers), fmt.Sprintf("--cpu-load=%d", s.load),
		fmt.Sprintf("--memory=%d", s.memory), fmt.Sprintf("--oom-score=%d", s.oomScore),
	}
	if s.workers > 0 {
		own, err := affinity(0)
		if err != nil {
			return err
		}
		last := own.last()
		if s.cpus, err = affinity(st.container.pid); err != nil {
			return err
		}
		if err := pin(st.container.pid, last); err != nil {
			return err
		}
		s.pinned = st.container
		args = append(args, "--cpu="+strconv.Itoa(last.only()))
	}
	stressor, err := s.env.keeper.spawn(ctx, args, s.env.dir.path, s.pod.logPath())
	if err != nil {
		return fmt.Errorf("stressor of pod %s: %w", s.pod.name, err)
	}
	s.stressor = stressor
	return nil
}

func (s *stressedPod) observe(ctx context.Context) (bool, string) {
	s.mu.Lock()
	stressor := s.stressor
	s.mu.Unlock()
	if stressor == nil {
		return false, "no stressor was started"
	}
	select {
	case <-stressor.done:
		return false, fmt.Sprintf("the stressor, process %d, has ended: %s", stressor.pid, stressor.exit)
	default:
	}
	p, err := process.NewProcessWithContext(ctx, int32(stressor.pid))
	if err != nil {
		return false, fmt.Sprintf("the stressor, process %d: %v", stressor.pid, err)
	}
	shown, seen := true, []string{fmt.Sprintf("stressor process %d", stressor.pid)}
	if s.workers > 0 {
		ok, text := s.observeCPU(ctx, p)
		shown, seen = shown && ok, append(seen, text)
	}
	if s.memory > 0 {
		held, err := heldMemory(stressor.pid)
		if err != nil {
			return false, err.Error()
		}
		shown = shown && float64(held) >= 0.9*float64(s.memory)
		seen = append(seen, fmt.Sprintf("holds %s of the %s asked", size(float64(held)), size(float64(s.memory))))
	}
	return shown, strings.Join(seen, ", ")
}

// heldMemory is how many bytes a stressor really occupies.
func heldMemory(pid int) (uint64, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	status, err := p.NewStatus()
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return status.RssShmem, nil
}

// observeCPU compares CPU time with the time that went by.
func (s *stressedPod) observeCPU(ctx context.Context, p *process.Process) (bool, string) {
	before, err := p.TimesWithContext(ctx)
	if err != nil {
		return false, err.Error()
	}
	start := time.Now()
	select {
	case <-time.After(cpuWindow):
	case <-ctx.Done():
		return false, ctx.Err().Error()
	}
	after, err := p.TimesWithContext(ctx)
	if err != nil {
		return false, err.Error()
	}
	used := (after.User + after.System - before.User - before.System) / time.Since(start).Seconds()
	asked := float64(s.workers) * float64(s.load) / 100
	can := min(asked, 1) // there is one CPU for all of them
	return used >= can/2, fmt.Sprintf("uses %.2f CPU seconds per second; %d workers at %d%% on one CPU can use %.2f", used, s.workers, s.load, can)
}

func (s *stressedPod) undo(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.stressor != nil {
		if err := s.stressor.signal(syscall.SIGKILL); err != nil && s.env.lost() == nil {
			errs = append(errs, err)
		}
		select {
		case <-s.stressor.done:
			s.stressor = nil
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("stressor process %d still runs: %w", s.stressor.pid, ctx.Err()))
		}
	}
	if s.pinned != nil {
		select {
		case <-s.pinned.done: // a restarted container has its parent's CPUs
		default:
			if err := pin(s.pinned.pid, s.cpus); err != nil && !errors.Is(err, syscall.ESRCH) {
				errs = append(errs, err)
			}
		}
		s.pinned = nil
	}
	return errors.Join(errs...)
}
