package local

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func TestMemoryIsBoundedByWhatTheMachineHasLeft(t *testing.T) {
	const all, left = 2000e6, 1000e6
	for name, row := range map[string]struct {
		size string
		want uint64
		bad  bool
	}{
		"bytes":                  {"1000B", 1000, false},
		"decimal megabytes":      {"5MB", 5e6, false},
		"binary megabytes":       {"16MiB", 16 << 20, false},
		"a percentage of all":    {"10%", 200e6, false},
		"just what may be taken": {"800MB", 800e6, false},
		"more than may be taken": {"801MB", 0, true},
		"a percentage over it":   {"41%", 0, true},
		"no size":                {"", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := memorySize(row.size, all, left)
			if got != row.want || errors.Is(err, fault.ErrNotInjectable) != row.bad {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

// The size is the total: as many workers as one likes take no more of it.
func TestWorkersShareTheSize(t *testing.T) {
	for _, workers := range []string{"1", "4", "100"} {
		a, err := actionFor(parse(t, stressChaos("  stressors: {memory: {workers: "+workers+", size: 16MiB}}")))
		if err != nil {
			t.Fatal(err)
		}
		if got := as[stress](t, a).memory; got != 16<<20 {
			t.Errorf("%s workers take %d bytes", workers, got)
		}
	}
}

// A stressor that does not run, runs elsewhere or does half is not shown.
func TestStressIsShownByWhatTheStressorTakesOfThePodsCPU(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	// replace changes one argument of the stressor's command line.
	replace := func(name, value string) func([]string) []string {
		return func(args []string) []string {
			var out []string
			for _, a := range args {
				if strings.HasPrefix(a, name+"=") {
					a = name + "=" + value
				}
				out = append(out, a)
			}
			return out
		}
	}
	cpu, memory := stress{workers: 4, load: 100}, stress{memory: 32 << 20}
	for name, row := range map[string]struct {
		asked stress
		args  func([]string) []string // nil: as asked
		after func(t *testing.T, s *stressedPod)
		want  bool
	}{
		"no worker runs":                       {cpu, replace("--cpu-workers", "0"), nil, false},
		"half of the workers run":              {cpu, replace("--cpu-workers", "2"), nil, false},
		"the workers run on another CPU":       {cpu, replace("--cpu", "0"), nil, false},
		"nothing is held":                      {memory, replace("--memory", "0"), nil, false},
		"half is held":                         {memory, replace("--memory", strconv.Itoa(16<<20)), nil, false},
		"cpu and memory are asked, cpu is had": {stress{workers: 4, load: 100, memory: 32 << 20}, replace("--memory", "0"), nil, false},
		"the stressor has ended": {cpu, nil, func(t *testing.T, s *stressedPod) {
			if err := s.stressor.signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-s.stressor.done
		}, false},
		"the pod has another process since": {cpu, nil, func(t *testing.T, s *stressedPod) {
			end(t, s.beside)
			restart(t, s.pod)
		}, false},
		"all workers run":    {cpu, nil, nil, true},
		"all memory is held": {memory, nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "the workers run on another CPU" && runtime.NumCPU() == 1 {
				t.Skip("there is no other CPU")
			}
			p := barePod(t, e)
			before := measureBaseline(t.Context(), p, wanted{cpu: true})
			s := as[*stressedPod](t, row.asked.on(e, p, "run/f", before))
			wantShown(t, s, false)
			if spawn := s.spawn; row.args != nil {
				s.spawn = func(ctx context.Context, args []string) (*proc, error) { return spawn(ctx, row.args(args)) }
			}
			if err := s.inject(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.undo(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			if row.after != nil {
				row.after(t, s)
			}
			if !row.want {
				time.Sleep(300 * time.Millisecond) // for what it does to begin
				wantShown(t, s, false)
				return
			}
			// What a thread waited is known only once it has run: on a busy machine one
			// measurement may miss some of it. The test measures again, as the engine does.
			o := s.observe(t.Context())
			for end := time.Now().Add(patience); !o.shown && time.Now().Before(end); o = s.observe(t.Context()) {
				time.Sleep(50 * time.Millisecond)
			}
			if !o.shown {
				t.Errorf("it never showed: %s", o.text)
			}
		})
	}
}

func TestALoadIsJudgedByWhatIsTakenAndWhatIsLost(t *testing.T) {
	ms := time.Millisecond
	for name, row := range map[string]struct {
		asked         stress
		stressor, pod cpuTime
		before        cpuTime
		shown, unfelt bool
	}{
		"half a CPU, and the pod waits": {stress{workers: 1, load: 50}, cpuTime{500 * ms, 20 * ms}, cpuTime{20 * ms, 15 * ms}, cpuTime{20 * ms, ms}, true, false},
		"half of what was asked":        {stress{workers: 1, load: 50}, cpuTime{250 * ms, 20 * ms}, cpuTime{20 * ms, 15 * ms}, cpuTime{20 * ms, ms}, false, false},
		"nothing":                       {stress{workers: 1, load: 50}, cpuTime{}, cpuTime{20 * ms, ms}, cpuTime{20 * ms, ms}, false, true},
		"less than asked by a worker that never rests, for the CPU is busy": {
			stress{workers: 1, load: 80}, cpuTime{330 * ms, 660 * ms}, cpuTime{20 * ms, 90 * ms}, cpuTime{20 * ms, 40 * ms}, true, false,
		},
		"half of the workers fill the CPU":  {stress{workers: 4, load: 100}, cpuTime{970 * ms, 1000 * ms}, cpuTime{20 * ms, 90 * ms}, cpuTime{20 * ms, ms}, false, false},
		"all workers fill the CPU":          {stress{workers: 4, load: 100}, cpuTime{970 * ms, 3000 * ms}, cpuTime{20 * ms, 90 * ms}, cpuTime{20 * ms, ms}, true, false},
		"a load that the pod does not feel": {stress{workers: 1, load: 10}, cpuTime{100 * ms, ms}, cpuTime{20 * ms, 2 * ms}, cpuTime{20 * ms, 2 * ms}, true, true},
		"a pod that waited as long before":  {stress{workers: 1, load: 10}, cpuTime{100 * ms, ms}, cpuTime{200 * ms, 105 * ms}, cpuTime{200 * ms, 100 * ms}, true, true},
	} {
		s := &stressedPod{stress: row.asked, before: podBaseline{cpu: row.before}}
		if got := s.judgeCPU(row.stressor, row.pod); got.shown != row.shown || got.unfelt != row.unfelt {
			t.Errorf("%s: shown %t, unfelt %t: %s", name, got.shown, got.unfelt, got.text)
		}
	}
}

func TestTheUseOfThreadsThatComeAndGoIsAddedUp(t *testing.T) {
	s := time.Second
	got := between(
		map[int]cpuTime{1: {s, s}, 2: {9 * s, 9 * s}},
		map[int]cpuTime{1: {2 * s, 3 * s}, 3: {4 * s, 0}},
		2,
	)
	if want := (cpuTime{ran: 2500 * time.Millisecond, waited: s}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
