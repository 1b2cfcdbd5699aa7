package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// story is what two runs side by side tell.
func story() []result.Event {
	e := func(sec float64, typ result.EventType, run string, fill func(*result.Event)) result.Event {
		ev := result.Event{Time: epoch.Add(time.Duration(sec * float64(time.Second))), Type: typ, Run: run + "-1", Experiment: run, Attempt: 1}
		if fill != nil {
			fill(&ev)
		}
		return ev
	}
	phase := func(sec, until float64, run string, p result.Phase) result.Event {
		return e(sec, result.EventPhase, run, func(ev *result.Event) {
			ev.Phase = p
			if until > 0 {
				ev.Until = ptr(epoch.Add(time.Duration(until * float64(time.Second))))
			}
		})
	}
	return []result.Event{
		phase(0, 0, "pod-kill", result.Preflight),
		phase(1, 11, "pod-kill", result.Baseline),
		e(1, result.EventPlan, "pod-kill", func(ev *result.Event) {
			ev.Fault = &result.Fault{Kind: "PodChaos", Name: "pod-kill", Targets: []string{"default/a"}, Emulated: "SIGKILL"}
		}),
		phase(2, 40, "slow-network", result.Observe),
		e(3, result.EventSample, "slow-network", func(ev *result.Event) {
			ev.Samples = []result.Now{
				{Name: "monitor-availability", Value: ptr(0.021), BurnRate: ptr(21.0), Spent: ptr(0.0002)},
				{Name: "p99 latency", Value: ptr(0.31)},
				{Name: "gone"},
			}
		}),
		e(4, result.EventEffect, "pod-kill", func(ev *result.Event) {
			ev.Effect = &result.Effect{Fault: "PodChaos/pod-kill", Target: "default/a", Observed: "same start time"}
		}),
		e(5, result.EventAlert, "slow-network", func(ev *result.Event) { ev.Alert, ev.State = "MonitorErrorBudgetBurn", "firing" }),
		e(6, result.EventFinding, "slow-network", func(ev *result.Event) {
			ev.Finding = &result.Finding{Verdict: result.Fail, Reason: result.SLOBroken, Detail: "0.2% spent"}
		}),
		e(7, result.EventVerdict, "slow-network", func(ev *result.Event) {
			ev.Verdict, ev.Reason, ev.Summary = result.Fail, result.SLOBroken, "It broke\nin two lines\x1b[2J."
		}),
		e(8, result.EventVerdict, "pod-kill", func(ev *result.Event) { ev.Verdict = result.Pass }),
	}
}

func TestModes(t *testing.T) {
	tests := map[string]struct {
		terminal bool
		env      map[string]string
		want     Mode
	}{
		"no terminal":            {false, map[string]string{"TERM": "xterm"}, Lines},
		"a terminal":             {true, map[string]string{"TERM": "xterm"}, LiveColour},
		"NO_COLOR":               {true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, Live},
		"a dumb terminal":        {true, map[string]string{"TERM": "dumb"}, Lines},
		"a terminal of no known": {true, nil, Live},
	}
	for name, tt := range tests {
		if got := DetectMode(tt.terminal, func(k string) string { return tt.env[k] }); got != tt.want {
			t.Errorf("%s: mode %d, want %d", name, got, tt.want)
		}
	}
}

func TestLinesAndStreamMatchTheirGoldenFiles(t *testing.T) {
	for name, mode := range map[string]Mode{"progress.lines": Lines, "progress.jsonl": Stream} {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			p := NewProgress(&buf, mode, nil, nil)
			for _, e := range story() {
				p.Handle(e)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			compare(t, name, buf.Bytes())
		})
	}
}

func TestStreamIsOneValidEventALine(t *testing.T) {
	var buf bytes.Buffer
	p := NewProgress(&buf, Stream, nil, nil)
	value := math.NaN()
	samples := []result.Now{{Name: "a", Value: &value}}
	p.Handle(result.Event{Type: result.EventSample, Samples: samples})
	if samples[0].Value != &value {
		t.Error("the event of the caller was changed")
	}
	for _, e := range story() {
		p.Handle(e)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(buf.String()) {
		var e result.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Type == "" {
			t.Errorf("%v: %s", err, line)
		}
		n++
	}
	if n != len(story())+1 {
		t.Errorf("%d lines", n)
	}
}

// screen is a terminal as far as the live block needs one.
type screen struct {
	lines []string
	row   int
}

func (s *screen) Write(b []byte) (int, error) {
	text := string(b)
	for text != "" {
		var n int
		switch {
		case strings.HasPrefix(text, "\x1b[J"):
			s.lines = s.lines[:s.row]
			text = text[3:]
		case strings.HasPrefix(text, "\x1b["):
			if _, err := fmt.Sscanf(text, "\x1b[%dA\r", &n); err != nil {
				return 0, fmt.Errorf("sequence %q: %w", text[:4], err)
			}
			s.row -= n
			if s.row < 0 {
				return 0, errors.New("the cursor left the screen")
			}
			text = text[strings.IndexByte(text, '\r')+1:]
		default:
			line, rest, ended := strings.Cut(text, "\n")
			if !ended {
				return 0, fmt.Errorf("half a line: %q", text)
			}
			s.lines = append(s.lines[:s.row], line)
			s.row++
			text = rest
		}
	}
	return len(b), nil
}

func TestTheLiveBlockIsRedrawnInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, width := range []int{40, 80, 120} {
			var out screen
			now := epoch
			p := NewProgress(&out, Live, func() int { return width }, func() time.Time { return now })
			shown := func() string { return strings.Join(out.lines, "\n") }
			for i, e := range story() {
				now = e.Time
				p.Handle(e)
				if width == 120 && i == 4 {
					want := "pod-kill      baseline    8 s left\nslow-network  observe    37 s left   gone no data   monitor-availability 2.1% bad, burning 21×   p99 latency 0.31"
					if shown() != want {
						t.Errorf("screen:\n%s\nwant:\n%s", shown(), want)
					}
				}
			}
			fmt.Fprintln(p.Through(&out), "a log line")
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			p.Handle(story()[0])
			for _, line := range out.lines {
				if strings.Contains(line, "left") {
					t.Errorf("width %d: the block stayed: %q", width, line)
				}
				if strings.Contains(line, "\x1b") {
					t.Errorf("colour or an escape of somebody else's: %q", line)
				}
			}
			if n := strings.Count(shown(), "a log line"); n != 1 {
				t.Errorf("the log line stands there %d times", n)
			}
			for _, want := range []string{"fail          slow-network", "pass          pod-kill", "is firing"} {
				if !strings.Contains(strings.Join(strings.Fields(shown()), " "), strings.Join(strings.Fields(want), " ")) {
					t.Errorf("width %d: %q is missing in:\n%s", width, want, shown())
				}
			}
		}
	})
}

func TestTheBlockFitsAnyTerminal(t *testing.T) {
	v := newBlockView(painter(false), func() time.Time { return epoch }, func() int { return 80 })
	for i := range 30 {
		for _, e := range story()[:5] {
			e.Run = fmt.Sprint(e.Run, i)
			v.event(e)
		}
	}
	for width := 20; width < 200; width++ {
		block := v.block(width)
		if len(block) > maxBlock {
			t.Fatalf("%d lines", len(block))
		}
		for _, line := range block {
			if n := utf8.RuneCountInString(line); n >= width {
				t.Fatalf("width %d: %d columns: %q", width, n, line)
			}
		}
	}
}

func TestABlockThatSaysTheSameIsNotDrawnAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out, Live, func() int { return 80 }, func() time.Time { return epoch })
		e := result.Event{Type: result.EventPhase, Run: "r", Experiment: "x", Phase: result.Observe}
		p.Handle(e)
		drawn := out.Len()
		p.Handle(e)
		time.Sleep(10 * redraw)
		synctest.Wait()
		if out.Len() != drawn || drawn == 0 {
			t.Errorf("%d bytes, then %d", drawn, out.Len())
		}
		e.Phase = result.Recover
		p.Handle(e)
		if out.Len() == drawn {
			t.Error("a new phase was not drawn")
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTheWorstIndicatorIsShownWhereNotAllFit(t *testing.T) {
	r := &running{name: "monitor-network-partition", samples: []result.Now{
		{Name: "monitor-availability", Value: ptr(0.0), BurnRate: ptr(0.0)},
		{Name: "monitor-latency", Value: ptr(0.451), BurnRate: ptr(451.0)},
		{Name: "p99 latency", Value: ptr(0.2)},
	}}
	tests := map[string]struct {
		room int
		want string
	}{
		"all in full":                {105, "   monitor-latency 45.1% bad, burning 451×   monitor-availability 0% bad, burning 0×   p99 latency 0.2"},
		"all, short":                 {80, "  latency 45.1% bad, 451×  availability 0% bad, 0×  p99 latency 0.2"},
		"the worst two":              {60, "  latency 45.1% bad, 451×  availability 0% bad, 0×  +1"},
		"the worst":                  {33, "  latency 45.1% bad, 451×  +2"},
		"the worst and nothing else": {26, "  latency 45.1% bad, 451×"},
		"the worst, to be cut":       {5, "  latency 45.1% bad, 451×"},
		"nothing measured so far":    {},
	}
	for name, tt := range tests {
		in := r
		if tt.room == 0 {
			in = &running{name: "x"}
		}
		if got := samplesText(in, tt.room); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestVerdictsSoFarStandBelowTheRunsUnderWay(t *testing.T) {
	v := newBlockView(painter(false), func() time.Time { return epoch }, func() int { return 80 })
	for i, verdict := range []result.Verdict{result.Pass, result.Fail, result.Pass} {
		v.event(result.Event{Type: result.EventVerdict, Run: fmt.Sprint(i), Experiment: "x", Verdict: verdict})
	}
	if got := v.block(80); len(got) != 0 {
		t.Errorf("with nothing under way: %q", got)
	}
	v.event(result.Event{Type: result.EventPhase, Run: "r", Experiment: "x", Phase: result.Observe})
	if got := v.block(80); len(got) != 2 || got[1] != "so far: 2 pass, 1 fail" {
		t.Errorf("got %q", got)
	}
}

func TestAnAlertIsToldWhenItFiresAndWhenItNoLongerDoes(t *testing.T) {
	m := alertMemory{}
	event := func(run, state string) result.Event {
		return result.Event{Type: result.EventAlert, Run: run, Alert: "A", State: state}
	}
	for i, step := range []struct {
		run, state string
		want       bool
	}{
		{"r", "resolved", false}, // it was only ever pending
		{"r", "pending", false},
		{"r", "firing", true},
		{"r", "firing", false}, // another replica of the same
		{"s", "firing", true},  // another run
		{"r", "pending", false},
		{"r", "resolved", true},
		{"r", "resolved", false},
		{"r", "firing", true}, // again
	} {
		if got := m.worth(event(step.run, step.state)); got != step.want {
			t.Errorf("step %d, %v: %t", i, step, got)
		}
	}
}

func TestTheClockAdvancesWithoutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		p := NewProgress(&out, Live, func() int { return 80 }, time.Now)
		p.Handle(result.Event{Type: result.EventPhase, Run: "r", Experiment: "x", Phase: result.Observe, Until: ptr(time.Now().Add(30 * time.Second))})
		time.Sleep(10*time.Second + redraw)
		synctest.Wait()
		if got := out.lines[0]; !strings.Contains(got, "20 s left") {
			t.Errorf("after 10.5 s: %q", got)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestProgressIsSafeForManyAtOnce(t *testing.T) {
	p := NewProgress(io.Discard, LiveColour, func() int { return 80 }, time.Now)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				for _, e := range story() {
					p.Handle(e)
				}
			}
		})
	}
	wg.Wait()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal("a second Close:", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestCloseTellsOfABrokenWriter(t *testing.T) {
	p := NewProgress(brokenWriter{}, Lines, nil, nil)
	p.Handle(story()[0])
	if err := p.Close(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Close: %v", err)
	}
}
