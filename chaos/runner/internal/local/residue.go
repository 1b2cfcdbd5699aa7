package local

import (
	"context"
	"strings"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Residue lists what dead runs have left on this machine, and what of this
// environment's own runs still acts on a pod: looked up at the pods themselves,
// not in the books alone.
func (e *Environment) Residue(ctx context.Context) ([]fault.Residue, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out, err := Leftovers(e.root)
	if err != nil {
		return nil, err
	}
	if err := e.lost(); err != nil {
		return out, err
	}
	for _, p := range append(e.fleet.all(), e.probe) {
		for _, key := range p.heldBy() {
			out = append(out, fault.Residue{Run: runOfKey(key), Kind: "held pod", Name: p.name, Detail: key})
		}
		for _, key := range p.proxy.active() {
			out = append(out, fault.Residue{Run: runOfKey(key), Kind: "toxic", Name: p.name, Detail: key})
		}
	}
	stressors, err := e.stressors()
	if err != nil {
		return out, err
	}
	return append(out, stressors...), nil
}

// runOfKey is the run of an injection's key: run/kind/name and so on.
func runOfKey(key string) fault.RunID {
	run, _, _ := strings.Cut(key, "/")
	return fault.RunID(run)
}
