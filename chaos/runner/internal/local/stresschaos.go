package local

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/shirou/gopsutil/v3/mem"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const (
	maxCPUWorkers = 256 // threads on one CPU: more would only measure the scheduler
	// maxMemoryShare of what is available may be taken: the machine is shared with
	// the instrument and with its user.
	maxMemoryShare = 0.8
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
		machine, err := mem.VirtualMemory()
		if err != nil {
			return nil, fmt.Errorf("available memory: %w", err)
		}
		if a.memory, err = memorySize(m.Size, machine.Total, machine.Available); err != nil {
			return nil, err
		}
		a.oomScore = m.OOMScoreAdj
	}
	return a, nil
}

// memorySize is what all workers together take, in bytes. Percentages are of all
// memory, as the injector has them where a container is without a limit.
func memorySize(text string, all, available uint64) (uint64, error) {
	size, err := fault.ParseMemorySize(text)
	if err != nil {
		return 0, cannot("memory size: %w", err)
	}
	bytes := size.Of(all)
	if float64(bytes) > maxMemoryShare*float64(available) {
		return 0, cannot("memory of %s is more than %.0f%% of the %s that this machine has left: give less",
			inUnits(float64(bytes)), 100*maxMemoryShare, inUnits(float64(available)))
	}
	return bytes, nil
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

func (a stress) on(e *Environment, p *pod, key string, before podBaseline) effector {
	return &stressedPod{
		stress: a, env: e, pod: p, key: key, before: before,
		spawn: func(ctx context.Context, args []string) (*proc, error) {
			return e.keeper.spawn(ctx, args, e.dir.path, p.logPath())
		},
	}
}

// stressedPod is a stressor process next to a pod's container.
type stressedPod struct {
	stress
	env    *Environment
	pod    *pod
	key    string
	before podBaseline
	spawn  func(ctx context.Context, args []string) (*proc, error)

	mu       sync.Mutex
	stressor *proc
	beside   *container // that ran at the injection
	pinned   bool
	cpus     cpuSet // the container's before
	room     uint64 // bytes of memory that the machine had left
}

func (s *stressedPod) inject(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.pod.state()
	if st.terminating || st.container == nil {
		return fmt.Errorf("pod %s runs no container", s.pod.name)
	}
	s.beside = st.container
	machine, err := mem.VirtualMemory()
	if err != nil {
		return fmt.Errorf("available memory: %w", err)
	}
	s.room = machine.Available
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
		if s.cpus, err = affinity(s.beside.pid); err != nil {
			return err
		}
		if err := pin(s.beside.pid, last); err != nil {
			return err
		}
		s.pinned = true
		args = append(args, "--cpu="+strconv.Itoa(last.only()))
	}
	stressor, err := s.spawn(ctx, args)
	if err != nil {
		return fmt.Errorf("stressor of pod %s: %w", s.pod.name, err)
	}
	s.stressor = stressor
	return nil
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
	if s.pinned {
		select {
		case <-s.beside.done: // a restarted container has its parent's CPUs
		default:
			if err := pin(s.beside.pid, s.cpus); err != nil && !errors.Is(err, syscall.ESRCH) {
				errs = append(errs, err)
			}
		}
		s.pinned = false
	}
	return errors.Join(errs...)
}
