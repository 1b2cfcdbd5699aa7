package report

import (
	"io"
	"slices"
	"sync"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// Mode is how progress is shown.
type Mode int

// The modes.
const (
	Lines      Mode = iota // one line for everything that happens, for files and CI
	Live                   // a block that is redrawn in place
	LiveColour             // the same in colour
	Stream                 // each event as one line of JSON
)

// DetectMode chooses the mode for a writer: lines unless it is a terminal that
// can move its cursor, and colour unless NO_COLOR is set to anything. getenv is
// os.Getenv.
func DetectMode(terminal bool, getenv func(string) string) Mode {
	switch {
	case !terminal || getenv("TERM") == "dumb":
		return Lines
	case getenv("NO_COLOR") != "" || getenv("TERM") == "":
		return Live
	default:
		return LiveColour
	}
}

// redraw is how often the live block's clocks advance between events.
const redraw = 500 * time.Millisecond

// view turns events into what is written. Its methods are called one at a time.
type view interface {
	// event returns what is written for good, in front of the block.
	event(e result.Event) string
	// block returns the lines that stand below for now; none but on a terminal.
	block(width int) []string
}

// Progress shows events as they come. Its methods may be called from several
// goroutines at once.
type Progress struct {
	w     io.Writer
	width func() int
	view  view

	mu     sync.Mutex
	drawn  []string // the block on the screen
	err    error
	closed bool

	stop chan struct{}
	done sync.WaitGroup
}

// NewProgress shows progress on w. width is asked for at every drawing, so that
// a terminal may be resized; now tells how much time is left. Both are used by
// the live modes only and may be nil in the others. In the live modes a goroutine
// redraws the clocks until [Progress.Close].
func NewProgress(w io.Writer, mode Mode, width func() int, now func() time.Time) *Progress {
	p := &Progress{w: w, width: width, stop: make(chan struct{})}
	switch mode {
	case Live, LiveColour:
		p.view = newBlockView(painter(mode == LiveColour), now, p.columns)
		p.done.Go(p.tick)
	case Stream:
		p.view = streamView{}
	default:
		p.view = lineView{alertMemory{}}
	}
	return p
}

// Handle shows one event. It blocks for as long as the writer does.
func (p *Progress) Handle(e result.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.draw(p.view.event(e), p.block())
	}
}

// Through returns a writer to the same terminal, for the log: what is written to
// it, whole lines at a time, stands above the block instead of tearing it.
func (p *Progress) Through(w io.Writer) io.Writer { return &through{p, w} }

// Close removes the block, stops the redrawing and returns the first error of
// the writer. Events that come later are dropped.
func (p *Progress) Close() error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		p.draw("", nil)
		close(p.stop)
	}
	p.mu.Unlock()
	p.done.Wait()
	return p.err
}

func (p *Progress) tick() {
	t := time.NewTicker(redraw)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.mu.Lock()
			if !p.closed {
				p.draw("", p.block())
			}
			p.mu.Unlock()
		}
	}
}

func (p *Progress) block() []string {
	return p.view.block(p.columns())
}

// columns is the width of the terminal, as far as it is known and usable.
func (p *Progress) columns() int {
	if p.width == nil {
		return 80
	}
	return max(20, p.width())
}

// draw replaces the block on the screen by text, which stays, and a new block. A
// block that says the same is left alone, so that nothing flickers.
func (p *Progress) draw(text string, block []string) {
	if text == "" && slices.Equal(block, p.drawn) {
		return
	}
	out := p.erase() + text
	for _, line := range block {
		out += line + "\n"
	}
	p.drawn = block
	if _, err := io.WriteString(p.w, out); err != nil && p.err == nil {
		p.err = err
	}
}

// erase returns the sequence that goes back to the start of the block and clears
// everything below.
func (p *Progress) erase() string {
	if len(p.drawn) == 0 {
		return ""
	}
	return cursorUp(len(p.drawn)) + "\x1b[J"
}

type through struct {
	p *Progress
	w io.Writer
}

func (t *through) Write(b []byte) (int, error) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	var block []string
	if !t.p.closed {
		block = t.p.block()
	}
	t.p.draw("", nil)
	n, err := t.w.Write(b)
	t.p.draw("", block)
	return n, err
}
