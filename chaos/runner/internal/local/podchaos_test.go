package local

import (
	"syscall"
	"testing"
	"time"
)

// barePod has a proxy and one running container, and no run loop: its state stays
// as a test leaves it, as it does for a moment between two changes.
func barePod(t *testing.T, e *Environment) *pod {
	t.Helper()
	p, err := newPod(t.Context(), "bare", e.fleet.runtime, quietLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c := p.state().container; c != nil {
			end(t, c)
		}
		if err := p.proxy.close(); err != nil {
			t.Error(err)
		}
	})
	restart(t, p)
	return p
}

// restart is what a run loop does when a container is to be started.
func restart(t *testing.T, p *pod) {
	t.Helper()
	if _, err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// end kills a process and waits for its end.
func end(t *testing.T, c *container) {
	t.Helper()
	if err := c.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.done:
	case <-time.After(patience):
		t.Fatalf("%s does not end", c)
	}
}

// as is the effector or action in its own type.
func as[T any](t *testing.T, v any) T {
	t.Helper()
	typed, ok := v.(T)
	if !ok {
		t.Fatalf("a %T", v)
	}
	return typed
}

func wantShown(t *testing.T, f effector, want bool) {
	t.Helper()
	got := f.observe(t.Context())
	if got.shown != want || got.text == "" {
		t.Errorf("shown: %t, want %t: %s", got.shown, want, got.text)
	}
	t.Log(got.text)
}

// Each row is an injection that did nothing or half, or a state on the way.
func TestAContainerKillIsShownByTheProcessThatWasKilled(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	for name, row := range map[string]struct {
		kill  func(*container) error // nil: what the fault does
		after func(t *testing.T, p *pod, before *container)
		want  bool
	}{
		"nothing was done": {func(*container) error { return nil }, func(*testing.T, *pod, *container) {}, false},
		"the process was stopped, not ended": {
			func(c *container) error { return syscall.Kill(c.pid, syscall.SIGSTOP) },
			func(*testing.T, *pod, *container) {}, false,
		},
		"the process is gone and the pod has not noticed": {nil, func(*testing.T, *pod, *container) {}, false},
		"the process is gone and none was started": {nil, func(_ *testing.T, p *pod, _ *container) {
			p.update(func() { p.current = nil })
		}, false},
		"the process ended by itself and was restarted": {
			func(c *container) error { return c.signal(syscall.SIGTERM) },
			func(t *testing.T, p *pod, _ *container) { restart(t, p) }, false,
		},
		"the new process has ended, too": {nil, func(t *testing.T, p *pod, _ *container) {
			restart(t, p)
			end(t, p.state().container)
		}, false},
		"the process was killed and restarted": {nil, func(t *testing.T, p *pod, _ *container) { restart(t, p) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := barePod(t, e)
			k := as[*killedContainer](t, containerKill{}.on(e, p, "run/f", podBaseline{}))
			wantShown(t, k, false)
			if row.kill != nil {
				k.kill = row.kill
			}
			if err := k.inject(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := k.before
			if row.kill == nil || name == "the process ended by itself and was restarted" {
				select {
				case <-before.done:
				case <-time.After(patience):
					t.Fatal("the process does not end")
				}
			}
			row.after(t, p, before)
			wantShown(t, k, row.want)
			_ = syscall.Kill(before.pid, syscall.SIGCONT) // or it cannot drain at the end
		})
	}
}

func TestAPodKillIsShownByTheOldPodsEndAndTheNewOnesProcess(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	for name, row := range map[string]struct {
		delete func(p *pod, grace time.Duration) error // nil: what the fault does
		want   bool
	}{
		"nothing was done": {func(*pod, time.Duration) error { return nil }, false},
		"another pod was created beside it": {func(p *pod, _ time.Duration) error {
			next, err := e.fleet.create()
			p.update(func() { p.replacement = next })
			return err
		}, false},
		"only its process was killed": {func(p *pod, _ time.Duration) error {
			return p.state().container.signal(syscall.SIGKILL)
		}, false},
		"the pod is gone and nothing took its place": {func(p *pod, _ time.Duration) error {
			if _, err := e.fleet.create(); err != nil { // for the next row: nobody's replacement
				return err
			}
			p.terminate(0)
			<-p.done
			return nil
		}, false},
		"the pod was replaced": {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			healthy(t, e)
			p := e.fleet.all()[0]
			p.update(func() { p.replacement = nil }) // of another row
			k := as[*killedPod](t, podKill{}.on(e, p, "run/f", podBaseline{}))
			wantShown(t, k, false)
			if row.delete != nil {
				k.delete = row.delete
			}
			if err := k.inject(t.Context()); err != nil {
				t.Fatal(err)
			}
			if row.want {
				<-k.pod.done
				for end := time.Now().Add(patience); k.pod.state().replacement.state().container == nil && time.Now().Before(end); {
					time.Sleep(10 * time.Millisecond)
				}
			}
			wantShown(t, k, row.want)
		})
	}
}

func TestAPodFailureIsShownByAPodThatStaysDown(t *testing.T) {
	t.Parallel()
	e := start(t, func(c *Config) { c.Replicas = 1 })
	for name, row := range map[string]struct {
		hold func(p *pod, key string)
		want bool
	}{
		"nothing was done":                            {func(*pod, string) {}, false},
		"the pod is held, its process goes on":        {func(p *pod, key string) { p.hold(key) }, false},
		"the process crashed and waits for a restart": {func(p *pod, _ string) { down(t, p) }, false},
		"the process ended and another runs":          {func(p *pod, key string) { down(t, p); restart(t, p); p.hold(key) }, false},
		"another fault holds the pod":                 {func(p *pod, _ string) { down(t, p); p.hold("run/other") }, false},
		"the process ended and the pod is held":       {func(p *pod, key string) { down(t, p); p.hold(key) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := barePod(t, e)
			f := as[*failedPod](t, podFailure{}.on(e, p, "run/f", podBaseline{}))
			wantShown(t, f, false)
			f.hold = func(key string) { row.hold(p, key) }
			if err := f.inject(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantShown(t, f, row.want)
		})
	}
	t.Run("a pod that runs nothing cannot fail", func(t *testing.T) {
		p := barePod(t, e)
		down(t, p)
		if err := (podFailure{}).on(e, p, "run/f", podBaseline{}).inject(t.Context()); err == nil {
			t.Error("injected")
		}
	})
}

// down is a pod whose container has ended and whose run loop knows it.
func down(t *testing.T, p *pod) {
	t.Helper()
	end(t, p.state().container)
	p.proxy.setUpstream("")
	p.update(func() { p.current = nil })
}
