package local

import (
	"fmt"
	"slices"
)

// add puts an effect on the path, for connections that are open, too.
func (p *proxy) add(e effect) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("%s: pod %s is gone", e.name, p.name)
	}
	t := p.paths[e.stream]
	t.set(append(slices.Clone(t.conditions().effects), e))
	return nil
}

// remove takes an effect off the path. An effect that is not there is not an error.
func (p *proxy) remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.paths {
		effects := t.conditions().effects
		i := slices.IndexFunc(effects, func(e effect) bool { return e.name == name })
		if i < 0 {
			continue
		}
		if effects[i].hole {
			// Their streams have holes: they cannot go on.
			for l := range p.conns {
				l.reset()
			}
		}
		t.set(slices.Delete(slices.Clone(effects), i, i+1))
	}
}

// reject resets open connections, and new ones until accepts is called with the
// same key.
func (p *proxy) reject(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rejects[key] = struct{}{}
	for l := range p.conns {
		l.reset()
	}
}

// accepts undoes reject.
func (p *proxy) accepts(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rejects, key)
}

// active names what acts on the path: effects and rejections.
func (p *proxy) active() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for key := range p.rejects {
		names = append(names, key)
	}
	for _, t := range p.paths {
		for _, e := range t.conditions().effects {
			names = append(names, e.name)
		}
	}
	return names
}
