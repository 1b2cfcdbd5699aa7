package access

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/access/accesstest"
)

// In a bubble comparing takes no time, whatever else the machine does.
func TestPasswordsOfUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		users := map[string]string{"alice": accesstest.Hash(t, "wonder"), "bob": accesstest.Hash(t, "builder")}
		p := newPasswords(users, nil, newPace())
		for range 2 { // compared, then known
			for _, tc := range []struct {
				name, password string
				want           bool
			}{
				{"alice", "wonder", true},
				{"bob", "builder", true},
				{"alice", "builder", false},
				{"alice", "", false},
				{"", "", false},
				{"carol", "wonder", false},
				{"alice\x00", "wonder", false},
			} {
				if got, err := p.right(tc.name, tc.password); err != nil || got != tc.want {
					t.Errorf("%q with %q: %v, %v", tc.name, tc.password, got, err)
				}
			}
		}
		if len(p.known) != 2 || len(p.wrong) != 5 {
			t.Errorf("%d known, %d wrong", len(p.known), len(p.wrong))
		}
	})
}

func TestWhatWasFoundOutIsKeptOverAReloadAsLongAsItIsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice, bob := accesstest.Hash(t, "wonder"), accesstest.Hash(t, "builder")
		before := newPasswords(map[string]string{"alice": alice, "bob": bob}, nil, newPace())
		for name, password := range map[string]string{"alice": "wonder", "bob": "builder"} {
			if ok, err := before.right(name, password); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		after := newPasswords(map[string]string{"alice": alice, "bob": accesstest.Hash(t, "other")}, before, newPace())
		if _, ok := after.known["alice"]; !ok || len(after.known) != 1 {
			t.Errorf("known after a change of bob's: %v", after.known)
		}
		if ok, err := after.right("bob", "builder"); ok || err != nil {
			t.Errorf("bob's old password: %v, %v", ok, err)
		}
		gone := newPasswords(map[string]string{"bob": bob}, after, newPace())
		if ok, err := gone.right("alice", "wonder"); ok || err != nil {
			t.Errorf("a user who is gone: %v, %v", ok, err)
		}
	})
}

func TestTheMemoryOfWrongPasswordsIsBounded(t *testing.T) {
	p := newPasswords(nil, nil, newPace())
	p.remember("alice", p.seal("alice", "wonder"), true)
	for i := range 3 * maxWrong {
		p.remember("alice", p.seal("alice", fmt.Sprint(i)), false)
	}
	if len(p.wrong) != maxWrong || len(p.order) != maxWrong {
		t.Errorf("%d and %d wrong passwords are remembered", len(p.wrong), len(p.order))
	}
	if right, known := p.remembered("alice", p.seal("alice", "wonder")); !right || !known {
		t.Error("the right one was forgotten over it")
	}
	if right, known := p.remembered("alice", p.seal("alice", fmt.Sprint(3*maxWrong-1))); right || !known {
		t.Error("the last wrong one was forgotten")
	}
}

func TestGuessingTakesAFifthOfACoreAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		var compared, busy atomic.Int64
		var spent atomic.Int64
		const cost = 60 * time.Millisecond
		const whole = 20 * time.Second
		ctx, began := t.Context(), time.Now()
		var guessers sync.WaitGroup
		for range 100 {
			guessers.Go(func() {
				for ctx.Err() == nil && time.Since(began) < whole {
					_, err := p.do(func() bool {
						time.Sleep(cost)
						spent.Add(int64(cost))
						return false
					})
					if err != nil {
						busy.Add(1)
						time.Sleep(10 * time.Millisecond)
						continue
					}
					compared.Add(1)
				}
			})
		}
		guessers.Wait()
		if share := float64(spent.Load()) / float64(time.Since(began)); share > 0.21 || share < 0.15 {
			t.Errorf("guessing took %.2f of a core", share)
		}
		if busy.Load() == 0 {
			t.Error("nobody was turned away")
		}
	})
}

func TestWhoWaitsForATurnTooLongIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		var one sync.WaitGroup
		one.Go(func() {
			if _, err := p.do(func() bool { time.Sleep(time.Minute); return false }); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		began := time.Now()
		if _, err := p.do(func() bool { t.Error("compared"); return false }); err == nil || time.Since(began) != patience {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		one.Wait()
		// The rest after a minute is four minutes.
		if _, err := p.do(func() bool { t.Error("compared"); return false }); err == nil {
			t.Error("no rest")
		}
		time.Sleep(4 * time.Minute)
		if right, err := p.do(func() bool { return true }); !right || err != nil {
			t.Errorf("after the rest: %v, %v", right, err)
		}
		// Who was right makes nobody wait.
		if right, err := p.do(func() bool { return true }); !right || err != nil {
			t.Errorf("after a right one: %v, %v", right, err)
		}
	})
}

func TestEqualRequestsThatComeTogetherAreComparedOnce(t *testing.T) {
	p := newPasswords(map[string]string{"alice": accesstest.Hash(t, "wonder")}, nil, newPace())
	var all sync.WaitGroup
	for range 10 * maxWaiting {
		all.Go(func() {
			if ok, err := p.right("alice", "wonder"); !ok || err != nil {
				t.Errorf("%v, %v", ok, err)
			}
		})
	}
	all.Wait()
}
