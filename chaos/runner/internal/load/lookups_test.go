package load

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestLookupsAreCountedByTheAnswerBefore(t *testing.T) {
	gone := errors.New("no such host")
	type answer []string // none: an error
	for name, tc := range map[string]struct {
		answers             []answer
		same, changed, errs int
	}{
		"the same each time":                     {[]answer{{"10.0.0.1"}, {"10.0.0.1"}, {"10.0.0.1"}}, 3, 0, 0},
		"in another order":                       {[]answer{{"10.0.0.1", "10.0.0.2"}, {"10.0.0.2", "10.0.0.1"}}, 2, 0, 0},
		"one of two goes":                        {[]answer{{"10.0.0.1", "10.0.0.2"}, {"10.0.0.2", "10.0.0.3"}}, 2, 0, 0},
		"another one each time":                  {[]answer{{"10.0.0.1"}, {"1.2.3.4"}, {"5.6.7.8"}}, 1, 2, 0},
		"random, with one address of IPv6":       {[]answer{{"1.2.3.4", "2001:db8::1"}, {"5.6.7.8", "2001:db8::1"}}, 1, 1, 0},
		"only IPv6":                              {[]answer{{"2001:db8::1"}, {"2001:db8::1"}}, 2, 0, 0},
		"none":                                   {[]answer{nil, nil}, 0, 0, 2},
		"back after an error":                    {[]answer{{"10.0.0.1"}, nil, {"10.0.0.1"}}, 2, 0, 1},
		"another one after an error":             {[]answer{{"10.0.0.1"}, nil, {"10.0.0.9"}}, 1, 1, 1},
		"only the last five are counted, errors": {[]answer{{"10.0.0.1"}, {"10.0.0.1"}, nil, nil, nil, nil, nil}, 0, 0, 5},
		"nothing was looked up":                  {nil, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var l lookups
			for _, a := range tc.answers {
				var ips []netip.Addr
				for _, ip := range a {
					ips = append(ips, netip.MustParseAddr(ip))
				}
				if a == nil {
					l.take(nil, gone)
				} else {
					l.take(ips, nil)
				}
			}
			n, known := l.counts()
			if n != [lookupOutcomes]int{tc.same, tc.changed, tc.errs} || known != (len(tc.answers) > 0) {
				t.Errorf("%v, %v", n, known)
			}
		})
	}
}

func TestANameIsLookedUpOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lookups
		asked := 0
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		l.run(ctx, "monitor.test", func(ctx context.Context, _, host string) ([]netip.Addr, error) {
			if asked++; host != "monitor.test" {
				t.Errorf("asked for %q", host)
			}
			if asked > 2 {
				<-ctx.Done() // no answer
				return nil, ctx.Err()
			}
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		})
		if n, _ := l.counts(); n != [lookupOutcomes]int{2, 0, 1} || asked != 4 {
			t.Errorf("%v after %d lookups", n, asked)
		}
	})
}

func TestALoadLooksItsHostUpWhenItIsAskedTo(t *testing.T) {
	if _, err := New(Config{URL: "http://127.0.0.1:1/", Rate: 1, Lookups: true}); err == nil {
		t.Error("an address is looked up")
	}
	g := newTestGenerator(t, Config{URL: "http://localhost:1/", Rate: 1, Timeout: 100 * time.Millisecond, Lookups: true})
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	g.resolve = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		if asked++; asked > 1 { // the first answer is counted by now
			cancel()
			return nil, ctx.Err()
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := scrape(t, g.Handler()); !hasLine(got, `probe_recent_lookups{host="localhost",outcome="same",probe="localhost"} 1`) {
		t.Errorf("%s", got)
	}
}
