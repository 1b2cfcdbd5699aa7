package promserver

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
)

// A series that cannot be written must not end the export of its samples silently.
func TestANativeHistogramIsNotExported(t *testing.T) {
	s, err := Open(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	now := time.Now()
	a := s.db.Appender(t.Context())
	if _, err := a.AppendHistogram(0, labels.FromStrings("__name__", "sizes"), now.UnixMilli(), tsdbutil.GenerateTestHistogram(1), nil); err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := s.Export(t.Context(), &text, now.Add(-time.Minute), now); err == nil || !strings.Contains(err.Error(), "sizes: it is a native histogram") {
		t.Errorf("%v: %q", err, &text)
	}
}
