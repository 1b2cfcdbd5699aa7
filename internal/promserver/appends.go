package promserver

import (
	"context"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// database is a tsdb.DB that creates one series at a time. Where two are created at
// once, the database may list them out of order, and repairs its list under the hands of
// queries that read it: they may return other series than they should
// (prometheus/prometheus#15317).
type database struct {
	*tsdb.DB
	mu sync.Mutex // is held while a sample is appended, which may create its series
}

// Appender implements storage.Appendable.
func (d *database) Appender(ctx context.Context) storage.Appender {
	return appender{d.DB.Appender(ctx), &d.mu}
}

// AppenderV2 implements storage.AppendableV2.
func (d *database) AppenderV2(ctx context.Context) storage.AppenderV2 {
	return appenderV2{d.DB.AppenderV2(ctx), &d.mu}
}

type appender struct {
	storage.Appender
	mu *sync.Mutex
}

func (a appender) Append(ref storage.SeriesRef, ls labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.Appender.Append(ref, ls, t, v)
}

func (a appender) AppendHistogram(ref storage.SeriesRef, ls labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.Appender.AppendHistogram(ref, ls, t, h, fh)
}

type appenderV2 struct {
	storage.AppenderV2
	mu *sync.Mutex
}

func (a appenderV2) Append(ref storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, opts storage.AOptions) (storage.SeriesRef, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.AppenderV2.Append(ref, ls, st, t, v, h, fh, opts)
}
