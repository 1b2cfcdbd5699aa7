package app

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/src/monitor/internal/httpapi"
	"github.com/ballast-sre/ballast/src/monitor/internal/peers"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// peersOf reads --peers. It returns every problem together.
func (c *config) peersOf() ([]peers.Peer, error) {
	var list []peers.Peer
	var errs []error
	complain := func(entry, format string, args ...any) {
		errs = append(errs, fmt.Errorf("--peers: %q: "+format, append([]any{entry}, args...)...))
	}
	for _, entry := range c.Peers {
		name, address, ok := strings.Cut(entry, "=")
		at, err := url.Parse(address)
		switch {
		case !ok:
			complain(entry, "write COLLECTOR=URL")
		case err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.RawQuery != "" || at.Fragment != "":
			complain(entry, "%q is no URL of a monitor; write http://HOST:PORT", address)
		case at.User != nil:
			complain(at.Redacted(), "a password would be seen by all who list processes; leave it out")
		case !slices.Contains(sample.Names(), sample.Name(name)):
			complain(entry, "unknown collector %q; there are %s", name, joined(sample.Names()))
		case slices.Contains(c.Collectors, name):
			complain(entry, "%s is collected here; leave it out of --collectors or of --peers", name)
		case slices.ContainsFunc(list, func(p peers.Peer) bool { return p.Collector == name }):
			complain(entry, "%s is named twice", name)
		default:
			list = append(list, peers.Peer{Collector: name, URL: at})
		}
	}
	return list, errors.Join(errs...)
}

// heard is what the API shows of peers; nil without any.
func heard(p *peers.Peers) func() ([]httpapi.Peer, uint64) {
	if p == nil {
		return nil
	}
	return func() ([]httpapi.Peer, uint64) {
		states, changes := p.Latest()
		list := make([]httpapi.Peer, len(states))
		for i, s := range states {
			list[i] = httpapi.Peer{Collector: sample.Name(s.Collector), URL: s.URL.String(), Reading: s.Reading, Err: s.Err}
		}
		return list, changes
	}
}
