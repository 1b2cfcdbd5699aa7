package promserver

import (
	"log/slog"
	"math"
	"strconv"
	"sync"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// TestSeriesThatAreCreatedAtOnceAreReadInOrder needs the race detector to find what is
// wrong without the order of creations.
func TestSeriesThatAreCreatedAtOnceAreReadInOrder(t *testing.T) {
	db, err := openStorage(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := closeStorage(db); err != nil {
			t.Error(err)
		}
	}()
	const writers, series = 4, 500
	var writing, reading sync.WaitGroup
	appends := []func(i int) error{
		func(i int) error {
			a := db.Appender(t.Context())
			_, err := a.Append(0, labels.FromStrings("__name__", "x", "v1", strconv.Itoa(i)), 1, 1)
			if err != nil {
				return err
			}
			return a.Commit()
		},
		func(i int) error {
			a := db.AppenderV2(t.Context())
			_, err := a.Append(0, labels.FromStrings("__name__", "x", "v2", strconv.Itoa(i)), 0, 1, 1, nil, nil, storage.AOptions{})
			if err != nil {
				return err
			}
			return a.Commit()
		},
	}
	for w := range writers {
		writing.Go(func() {
			for i := range series {
				if err := appends[w%len(appends)](w*series + i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	count := func() int {
		q, err := db.Querier(math.MinInt64, math.MaxInt64)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer q.Close()
		n := 0
		set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", "x"))
		for set.Next() {
			n++
		}
		if err := set.Err(); err != nil {
			t.Error(err)
		}
		return n
	}
	stop := make(chan struct{})
	reading.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				count()
			}
		}
	})
	writing.Wait()
	close(stop)
	reading.Wait()
	if got := count(); got != writers*series {
		t.Errorf("%d series are read, want %d", got, writers*series)
	}
}
