// Package textfile reads metrics that other programs leave in files of a
// directory, as node_exporter's textfile collector does: jobs of cron write
// FILE.prom.$$ and rename it to FILE.prom.
package textfile

import (
	"context"
	"errors"
	"log/slog"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// abandonAfter is how long Run waits at its end for a read that hangs.
const abandonAfter = time.Second

// maxSaid bounds how many problems are logged, and remembered so that each is logged once.
const maxSaid = 256

var errHangs = errors.New("no answer in time; what was read before stays shown")

// Config says what is read, and where it goes.
type Config struct {
	// Dir is the directory.
	Dir string
	// Timeout is how long a read may take before it counts as hanging.
	Timeout time.Duration
	// Publish is given the families of all files, sorted by name, and those that
	// say how the files did. They are never changed afterwards.
	Publish func([]*dto.MetricFamily)
	Logger  *slog.Logger
}

// Reader reads the directory in the background, so that no scrape waits for it.
type Reader struct {
	cfg  Config
	read func(dir string) reading
	said map[string]bool
	last reading
}

// reading is all that the directory had.
type reading struct {
	files    []file
	families []*dto.MetricFamily
	problems []problem
}

// New returns a reader that does nothing until Run.
func New(cfg Config) *Reader {
	return &Reader{cfg: cfg, read: read, said: make(map[string]bool)}
}

func read(dir string) reading {
	files, problems := readDirectory(dir)
	families, more := merge(files)
	return reading{files, families, append(problems, more...)}
}

// Run reads at once and then at every interval, until ctx ends. It never begins
// a read beside one that hangs; one that hangs at its end is left behind after a
// second.
func (r *Reader) Run(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		r.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// attempt returns when the read is over, however late, or ctx is.
func (r *Reader) attempt(ctx context.Context) {
	done := make(chan reading, 1)
	go func() { done <- r.read(r.cfg.Dir) }()
	late := time.NewTimer(r.cfg.Timeout)
	defer late.Stop()
	select {
	case got := <-done:
		r.publish(ctx, got)
		return
	case <-late.C:
		kept := r.last
		kept.problems = []problem{{r.cfg.Dir, errHangs}}
		r.publish(ctx, kept)
	case <-ctx.Done():
	}
	select {
	case got := <-done:
		r.publish(ctx, got)
		return
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(abandonAfter):
		r.cfg.Logger.WarnContext(ctx, "ended without waiting for a read of the textfile directory that hangs", slog.String("path", r.cfg.Dir))
	}
}

// publish passes a reading on, and logs each of its problems once, until it is mended.
func (r *Reader) publish(ctx context.Context, got reading) {
	r.last = got
	said := make(map[string]bool, len(got.problems))
	for _, p := range got.problems {
		if len(said) == maxSaid {
			break
		}
		key := p.path + "\x00" + p.err.Error()
		if !r.said[key] {
			r.cfg.Logger.WarnContext(ctx, "part of the textfile directory is not shown", slog.String("path", p.path), slog.Any("error", p.err))
		}
		said[key] = true
	}
	r.said = said
	families := make([]*dto.MetricFamily, 0, len(got.families)+2)
	families = append(families, got.families...)
	r.cfg.Publish(append(families, states(got.files, len(got.problems) > 0)...))
}
