package httpapi

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Hosts are the names that the service answers for. A page elsewhere can give
// its own name this machine's address (DNS rebinding), and then its browser
// would read the service for it: only the name in the request tells.
type Hosts struct {
	any   bool
	names map[string]struct{}
}

// NewHosts returns the hosts of a list of names, without ports, in which `*`
// stands for every name. It names every entry that is none. Addresses,
// localhost and requests without a Host are always served.
func NewHosts(names ...string) (*Hosts, error) {
	h := &Hosts{names: map[string]struct{}{"localhost": {}}}
	var errs []error
	for _, name := range names {
		switch canonical := canonicalName(name); {
		case name == "*":
			h.any = true
		case isAddress(name):
			// Served anyway.
		case !isName(canonical):
			errs = append(errs, fmt.Errorf("%q is not a host name; write names without scheme, port or path, or * for all", name))
		default:
			h.names[canonical] = struct{}{}
		}
	}
	return h, errors.Join(errs...)
}

// Serves says whether a request with that Host is answered. A port in it does
// not count: a forwarded one is any.
func (h *Hosts) Serves(host string) bool {
	if h == nil || h.any || host == "" {
		return true
	}
	name := withoutPort(host)
	if isAddress(name) {
		return true
	}
	_, ok := h.names[canonicalName(name)]
	return ok
}

// withoutPort returns the name or address of a Host, an IPv6 address without
// its brackets.
func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		return strings.TrimSuffix(inner, "]")
	}
	return host
}

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// canonicalName makes equal what resolvers take for one name.
func canonicalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// isName says whether a name can be one of a host. Underscores are in use.
func isName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}) {
			return false
		}
	}
	return true
}

// OwnNames returns the names of a machine, short and fully qualified. Its
// hostname can be either; the rest comes from the content of its /etc/hosts
// and the search list of its /etc/resolv.conf, so that no name server is asked.
func OwnNames(hostname, hostsFile, resolvConf string) []string {
	hostname = canonicalName(hostname)
	if !isName(hostname) {
		return nil
	}
	short, _, qualified := strings.Cut(hostname, ".")
	names := []string{hostname, short}
	if !qualified {
		for _, aliases := range lines(hostsFile) {
			if len(aliases) < 2 || !isAddress(aliases[0]) || !slices.ContainsFunc(aliases[1:], func(a string) bool { return canonicalName(a) == short }) {
				continue
			}
			for _, alias := range aliases[1:] {
				// Other names of the machine there, as localhost.localdomain, are not the host's own.
				if alias = canonicalName(alias); strings.HasPrefix(alias, short+".") {
					names = append(names, alias)
				}
			}
		}
		for _, fields := range lines(resolvConf) {
			if len(fields) < 2 || fields[0] != "search" && fields[0] != "domain" {
				continue
			}
			for _, domain := range fields[1:] {
				names = append(names, short+"."+canonicalName(domain))
			}
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !isName(n) })
	slices.Sort(names)
	return slices.Compact(names)
}

// lines returns the fields of each line, without comments.
func lines(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		if at := strings.IndexAny(line, "#;"); at >= 0 {
			line = line[:at]
		}
		if fields := strings.Fields(line); len(fields) > 0 {
			all = append(all, fields)
		}
	}
	return all
}
