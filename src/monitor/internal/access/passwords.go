package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"slices"
	"sync"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/singleflight"
)

// maxWrong is how many wrong passwords are remembered: a client that repeats
// its mistake costs one comparison.
const maxWrong = 256

// passwords checks those of users. A password that was right is known without
// another comparison, so that no flood of wrong ones keeps its user waiting.
// It is remembered by a keyed hash, not as text.
type passwords struct {
	users map[string]string // name to bcrypt hash
	decoy string            // the hash that a name without one is compared with
	pace  *pace
	key   [32]byte
	once  singleflight.Group // for equal requests that come together

	mu    sync.Mutex
	known map[string]seal // name to the password that was right
	wrong map[seal]struct{}
	order []seal // of wrong, the oldest at next once it is full
	next  int
}

// seal stands for a name and a password.
type seal [sha256.Size]byte

// newPasswords returns those of users. It takes over what an earlier one knows
// of users that did not change.
func newPasswords(users map[string]string, before *passwords, pace *pace) *passwords {
	p := &passwords{users: users, pace: pace, known: make(map[string]seal), wrong: make(map[seal]struct{})}
	if before == nil {
		// It never fails: without random numbers the program ends.
		_, _ = rand.Read(p.key[:])
	} else {
		p.key = before.key
		before.mu.Lock()
		defer before.mu.Unlock()
		for name, hash := range users {
			if s, ok := before.known[name]; ok && before.users[name] == hash {
				p.known[name] = s
			}
		}
	}
	if names := slices.Sorted(maps.Keys(users)); len(names) > 0 {
		p.decoy = users[names[0]]
	}
	return p
}

// right says whether a user has that password. It blocks while earlier ones
// are compared, or returns errBusy.
func (p *passwords) right(name, password string) (bool, error) {
	s := p.seal(name, password)
	if answer, known := p.remembered(name, s); known {
		return answer, nil
	}
	answer, err, _ := p.once.Do(string(s[:]), func() (any, error) {
		// Whoever had the turn before may have found out.
		if answer, known := p.remembered(name, s); known {
			return answer, nil
		}
		hash, exists := p.users[name]
		if !exists {
			// As long as for any other, or names could be told by the time.
			hash = p.decoy
		}
		right, err := p.pace.do(func() bool {
			return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil && exists
		})
		if err == nil {
			p.remember(name, s, right)
		}
		return right, err
	})
	right, _ := answer.(bool)
	return right, err
}

func (p *passwords) seal(name, password string) seal {
	h := hmac.New(sha256.New, p.key[:])
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write([]byte(password))
	return seal(h.Sum(nil))
}

func (p *passwords) remembered(name string, s seal) (right, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if good, ok := p.known[name]; ok && hmac.Equal(good[:], s[:]) {
		return true, true
	}
	_, wrong := p.wrong[s]
	return false, wrong
}

func (p *passwords) remember(name string, s seal, right bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if right {
		p.known[name] = s
		return
	}
	if _, ok := p.wrong[s]; ok {
		return
	}
	p.wrong[s] = struct{}{}
	if len(p.order) < maxWrong {
		p.order = append(p.order, s)
		return
	}
	delete(p.wrong, p.order[p.next])
	p.order[p.next] = s
	p.next = (p.next + 1) % maxWrong
}
