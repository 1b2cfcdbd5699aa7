// Package capability knows what Chaos Mesh needs to inject each of its faults,
// what a node offers, and so what a cluster can inject and why not.
//
// A [Document] holds what was probed on one node. Judging it is pure; [Probe] is
// the thin shell that asks a chaos daemon. The facts are necessary, not
// sufficient: a fault that is possible here can still fail on its target, for
// example DNSChaos, which needs a shell in the target's image.
package capability

import (
	"cmp"
	"slices"
	"strings"
)

// Version and Kind head every document.
const (
	Version = "ballast.dev/v1alpha1"
	Kind    = "Capabilities"
)

// Document is what was probed on one node.
type Document struct {
	// Kernel is the kernel's release, as uname -r says it; empty if not probed.
	Kernel string
	// Cgroup is the version of the control groups; empty if not probed or if the
	// node has none.
	Cgroup Cgroup
	// Facts has each name at most once. What is missing was not probed.
	Facts []Fact
}

// Fact is one thing that was probed.
type Fact struct {
	Name    Name `json:"name"`
	Present bool `json:"present"`
	// Detail is what was observed, such as the error of tc. A fact that is not
	// present has one.
	Detail string `json:"detail,omitempty"`
}

// Cgroup is a version of the control groups, as Chaos Mesh tells them apart.
type Cgroup string

// The control groups of a node. Chaos Mesh treats hybrid as v1.
const (
	CgroupV1     Cgroup = "v1"
	CgroupV2     Cgroup = "v2"
	CgroupHybrid Cgroup = "hybrid"
)

// Fact returns the fact of that name, and false if it was not probed.
func (d Document) Fact(name Name) (Fact, bool) {
	for _, f := range d.Facts {
		if f.Name == name {
			return f, true
		}
	}
	return Fact{}, false
}

// With returns the document with these facts added, each in the place of an
// earlier one of its name: for what the caller sees and a node does not, such as
// a Service or credentials. d itself is not changed.
func (d Document) With(facts ...Fact) Document {
	d.Facts = slices.Clone(d.Facts)
	for _, f := range facts {
		d.Facts = slices.DeleteFunc(d.Facts, func(old Fact) bool { return old.Name == f.Name })
		d.Facts = append(d.Facts, f)
	}
	return d.sorted()
}

// ownMemStress is what Ballast's own memStress says of itself.
const ownMemStress = "memStress of Ballast"

// StandIn says, in one sentence, what injects the fault on this node in the place of a
// program of the Chaos Mesh project; empty if nothing does, or nothing is known of it.
func (d Document) StandIn(f Fault) string {
	if f.Kind != "StressChaos" || !slices.Contains(strings.Split(f.Action, "+"), "memory") {
		return ""
	}
	if own, ok := d.Fact(MemStress); !ok || !strings.Contains(own.Detail, ownMemStress) {
		return ""
	}
	return "the memory is held by Ballast's own memStress in the chaos daemon's image, with the flags of the Chaos Mesh project's"
}

// sorted returns the document with its facts by name, so that the same facts
// make the same document in whatever order they were found.
func (d Document) sorted() Document {
	d.Facts = slices.SortedStableFunc(slices.Values(d.Facts), func(a, b Fact) int { return cmp.Compare(a.Name, b.Name) })
	return d
}
