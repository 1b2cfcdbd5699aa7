package promserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"

	"github.com/ballast-sre/ballast/internal/prom"
)

// headSpan is the time that the in-memory head covers. It accepts samples as old as
// half of it before the newest one, so that months of history can be backfilled
// beside live scrapes, and it is never compacted into blocks.
const headSpan = 400 * 24 * time.Hour

// openStorage opens a database that lives as long as the server: no write-ahead log,
// no compaction, no retention, buffers as small as they may be. It keeps its samples
// in memory alone, some two bytes each: the database panics, in a goroutine of its
// own, when it cannot write to its disk.
func openStorage(dir string, logger *slog.Logger) (*database, error) {
	opts := tsdb.DefaultOptions()
	opts.WALSegmentSize = -1
	opts.RetentionDuration = 0
	opts.MinBlockDuration = headSpan.Milliseconds()
	opts.MaxBlockDuration = headSpan.Milliseconds()
	opts.StripeSize = 512
	opts.BlockReloadInterval = headSpan // at each, full chunks would be written to disk
	opts.HeadChunksWriteBufferSize = chunks.MinWriteBufferSize
	db, err := tsdb.Open(dir, logger, nil, opts, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot open its storage in %s: %w", dir, err)
	}
	db.DisableCompactions()
	return &database{DB: db}, nil
}

// closeStorage drops the samples before the database would write them to disk: they
// do not survive the server, and its disk may be full.
func closeStorage(db *database) error {
	return errors.Join(db.Head().Truncate(db.Head().MaxTime()+1), db.Close())
}

// batch is how many samples are written in one transaction: enough to be fast, few
// enough to be small in memory.
const batch = 10_000

// Backfill writes samples beside those that are scraped, in several transactions
// when there are many: rules and queries may see a part of them. Each series' labels include __name__ and its points ascend,
// in whole milliseconds, and are newer than what the series already holds and less
// than 200 days older than the newest sample of all. It blocks until all is written; on an
// error, or when ctx ends, a part may have been.
func (s *Server) Backfill(ctx context.Context, series []prom.Series) error {
	if !s.gate.hold() {
		return fmt.Errorf("backfill: %w", errClosed)
	}
	defer s.gate.release()

	w := writer{db: s.db}
	for _, one := range series {
		if err := w.write(ctx, one); err != nil {
			return errors.Join(fmt.Errorf("backfill of %s: %w", labels.FromMap(one.Labels), err), w.rollback())
		}
	}
	if err := w.commit(); err != nil {
		return fmt.Errorf("backfill: %w", err)
	}
	return nil
}

// writer writes samples in transactions of batch size.
type writer struct {
	db  *database
	app storage.AppenderV2
	n   int
}

func (w *writer) write(ctx context.Context, s prom.Series) error {
	ls := labels.FromMap(s.Labels)
	if !ls.Has(model.MetricNameLabel) {
		return errors.New("it has no label " + model.MetricNameLabel)
	}
	var (
		ref  storage.SeriesRef
		last time.Time
	)
	for i, p := range s.Points {
		t := p.T.Truncate(time.Millisecond)
		// A transaction does not see its own samples and would drop the older one
		// without a word.
		if i > 0 && !t.After(last) {
			return fmt.Errorf("point %d at %s does not follow %s", i, p.T.Format(time.RFC3339Nano), last.Format(time.RFC3339Nano))
		}
		last = t
		if w.app == nil {
			if err := ctx.Err(); err != nil {
				return err
			}
			w.app = w.db.AppenderV2(ctx)
		}
		var err error
		if ref, err = w.app.Append(ref, ls, 0, t.UnixMilli(), p.V, nil, nil, storage.AOptions{}); err != nil {
			return fmt.Errorf("point %d at %s: %w", i, p.T.Format(time.RFC3339Nano), err)
		}
		if w.n++; w.n == batch {
			if err := w.commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) commit() error {
	if w.app == nil {
		return nil
	}
	err := w.app.Commit()
	w.app, w.n = nil, 0
	return err
}

func (w *writer) rollback() error {
	if w.app == nil {
		return nil
	}
	return w.app.Rollback()
}
