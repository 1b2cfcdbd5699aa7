package host

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Network is the counters of every interface, sorted by name.
type Network struct {
	Interfaces []Interface `json:"interfaces"`
}

// Interface is what one interface moved since boot.
type Interface struct {
	Name     string  `json:"name"`
	Receive  Traffic `json:"receive"`
	Transmit Traffic `json:"transmit"`
	// Link is nil where it is not known.
	Link *Link `json:"link"`
}

// Traffic is one direction's counters.
type Traffic struct {
	Bytes   uint64 `json:"bytes"`
	Packets uint64 `json:"packets"`
	Errors  uint64 `json:"errors"`
	Dropped uint64 `json:"dropped"`
}

// Network returns the counters of the interfaces in the host's network
// namespace. With a procfs of its own it asks process 1 of it: net/dev
// itself is a link to the reader's namespace, so a pod would silently
// report its own interfaces as the node's. A line that cannot be read costs
// one interface. It blocks as long as the procfs does.
func (h *Host) Network(context.Context) (Network, Report, error) {
	var rep Report
	file := []string{"net", "dev"}
	if h.proc != h.own {
		file = []string{firstProcess, "net", "dev"}
	}
	content, path, err := h.read(file...)
	if err != nil {
		return Network{}, rep, unsupported("read network counters", err)
	}
	host, known := h.scopeOfInterfaces()
	rep.scoped("interfaces", host, known, ownInterfaces)
	n := Network{Interfaces: []Interface{}}
	seen := make(map[string]bool)
	var raw []string
	for line := range strings.Lines(content) {
		if strings.Contains(line, "|") || strings.TrimSpace(line) == "" {
			continue // the two lines of headings
		}
		i, ok := parseInterface(line)
		if i.Name != "" && !h.filters.Interfaces.admits(clean(i.Name)) {
			continue
		}
		if !ok || seen[i.Name] {
			rep.skipUnlessBlank(path, line)
			continue
		}
		seen[i.Name] = true
		raw = append(raw, i.Name)
		n.Interfaces = append(n.Interfaces, i)
	}
	if len(n.Interfaces) == 0 && len(rep.Skipped) > 0 {
		return Network{}, rep, fmt.Errorf("read network counters: %s: %w: no line of it can be read", path, errMalformed)
	}
	link := h.links(&rep)
	for i, name := range apart(raw) {
		n.Interfaces[i].Link = link(raw[i])
		n.Interfaces[i].Name = name
	}
	slices.SortFunc(n.Interfaces, func(a, b Interface) int { return strings.Compare(a.Name, b.Name) })
	return n, rep, nil
}

// parseInterface reads one line of net/dev. The name can hold a colon, as
// in eth0:1. Of a line whose counters cannot be read it returns the name.
func parseInterface(line string) (Interface, bool) {
	colon := strings.LastIndexByte(line, ':')
	if colon < 0 {
		return Interface{}, false
	}
	name, fields := strings.TrimSpace(line[:colon]), strings.Fields(line[colon+1:])
	if name == "" || len(fields) < 12 {
		return Interface{Name: name}, false
	}
	v, err := counters(fields[:12])
	if err != nil {
		return Interface{Name: name}, false
	}
	return Interface{
		Name:     name,
		Receive:  Traffic{Bytes: v[0], Packets: v[1], Errors: v[2], Dropped: v[3]},
		Transmit: Traffic{Bytes: v[8], Packets: v[9], Errors: v[10], Dropped: v[11]},
	}, true
}
