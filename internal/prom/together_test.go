package prom_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/promserver"
)

// asked counts the queries that reach a server, which fails them where fail says so.
type asked struct {
	http.RoundTripper
	queries atomic.Int32
	fail    func(r *http.Request) error
}

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.queries.Add(1)
	if a.fail != nil {
		if err := a.fail(r); err != nil {
			return nil, err
		}
	}
	return a.RoundTripper.RoundTrip(r)
}

// answered is what one question came to.
type answered struct {
	series []prom.Series
	err    error
}

// askAll asks every expression at once about one instant, each by a client of its own.
func askAll(t *testing.T, a *asked, exprs []string) []answered {
	t.Helper()
	shared := &prom.Shared{}
	out := make([]answered, len(exprs))
	var all sync.WaitGroup
	for i, expr := range exprs {
		c := newClient(t, prom.Config{URL: "http://embedded", RoundTripper: a, Timeout: time.Minute, Shared: shared})
		all.Go(func() {
			out[i].series, out[i].err = c.Range(t.Context(), expr, prom.Window{Start: at(60), End: at(60), Step: time.Second})
		})
	}
	all.Wait()
	return out
}

func inOrder(series []prom.Series) []string {
	var out []string
	for _, s := range series {
		out = append(out, fmt.Sprint(s))
	}
	slices.Sort(out)
	return out
}

func TestQuestionsThatAreAskedTogetherHaveTheAnswersThatTheyHaveApart(t *testing.T) {
	exprs := []string{
		`steady`, `sum(pair)`, `pair`, `pair > 100`, `missing`, `absent(missing)`, `{__name__="nan"}`, `steady / 0`, `ALERTS`,
		`{__name__=~"steady|pair"}`, `vector(7)`, `steady * 2 # the last word`, `half or gone`,
		`label_replace(pair, "ballast_sli", "good", "", "") or label_replace(steady, "ballast_sli", "total", "", "")`,
		`max_over_time(gone[50s:1s])`, `time() - avg(timestamp(pair))`, `-steady`, `steady == bool 60`,
	}
	synctest.Test(t, func(t *testing.T) {
		a := &asked{RoundTripper: promserver.Transport(history(t).Handler())}
		plain := newClient(t, prom.Config{URL: "http://embedded", RoundTripper: a, Timeout: time.Minute})
		want := make([]answered, len(exprs))
		for i, expr := range exprs {
			want[i].series, want[i].err = plain.Range(t.Context(), expr, prom.Window{Start: at(60), End: at(60), Step: time.Second})
		}
		a.queries.Store(0)
		got := askAll(t, a, exprs)
		if n := a.queries.Load(); n != 1 {
			t.Errorf("the server was asked %d times, want once", n)
		}
		for i, expr := range exprs {
			// In any order: queries promise none.
			if got[i].err != nil || want[i].err != nil || !slices.Equal(inOrder(got[i].series), inOrder(want[i].series)) {
				t.Errorf("%s\n  together %v, %v\n  apart    %v, %v", expr, got[i].series, got[i].err, want[i].series, want[i].err)
			}
		}
	})
}

func TestAQuestionThatIsWrongDoesNotSpoilTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{RoundTripper: promserver.Transport(history(t).Handler())}
		got := askAll(t, a, []string{`steady`, `steady + on() pair`, `sum(pair)`})
		if got[0].err != nil || got[2].err != nil || !reflect.DeepEqual(got[2].series[0].Points, []prom.Sample{{T: at(60), V: 120}}) {
			t.Errorf("got %v and %v", got[0], got[2])
		}
		if !errors.Is(got[1].err, prom.ErrBadQuery) || !strings.Contains(got[1].err.Error(), "query steady + on() pair:") {
			t.Errorf("error %v, want that of the expression alone", got[1].err)
		}
		if n := a.queries.Load(); n != 4 {
			t.Errorf("the server was asked %d times, want once for all and once for each", n)
		}
	})
}

func TestAServerThatIsAwayIsAskedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{RoundTripper: promserver.Transport(history(t).Handler()), fail: func(*http.Request) error { return errors.New("connection refused") }}
		for _, g := range askAll(t, a, []string{`steady`, `pair`, `half`}) {
			if !errors.Is(g.err, prom.ErrUnreachable) {
				t.Errorf("error %v", g.err)
			}
		}
		if n := a.queries.Load(); n != 1 {
			t.Errorf("the server was asked %d times", n)
		}
	})
}

func TestMoreQuestionsThanOneQueryHoldsGoIntoTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{RoundTripper: promserver.Transport(history(t).Handler())}
		var exprs []string
		for i := range 65 {
			exprs = append(exprs, fmt.Sprintf("sum(steady) + %d", i))
		}
		for i, g := range askAll(t, a, exprs) {
			if g.err != nil || len(g.series) != 1 || g.series[0].Points[0].V != 60+float64(i) {
				t.Errorf("question %d: %v", i, g)
			}
		}
		if n := a.queries.Load(); n != 2 {
			t.Errorf("the server was asked %d times, want twice", n)
		}
	})
}

func TestWhoAsksTogetherWithOneThatIsStoppedHasAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first atomic.Bool
		first.Store(true)
		a := &asked{RoundTripper: promserver.Transport(history(t).Handler()), fail: func(r *http.Request) error {
			if first.Swap(false) {
				<-r.Context().Done()
				return r.Context().Err()
			}
			return nil
		}}
		shared := &prom.Shared{}
		client := func() *prom.Client {
			return newClient(t, prom.Config{URL: "http://embedded", RoundTripper: a, Timeout: time.Minute, Shared: shared})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := client().Instant(ctx, "steady", at(60)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
		synctest.Wait() // it waits for others
		all.Go(func() {
			if got, err := client().Instant(t.Context(), "sum(pair)", at(60)); err != nil || got.V != 120 {
				t.Errorf("got %v, %v", got, err)
			}
		})
		all.Wait()
	})
}
