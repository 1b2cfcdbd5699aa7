package fault

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/docker/go-units"
	"github.com/dustin/go-humanize"
)

// MemorySize is how much memory the workers of a stressor take together: bytes,
// or a percentage of all memory that the stressor's container may use.
type MemorySize struct {
	Bytes   uint64
	Percent int // 1 to 100; 0 when it is given in bytes
}

// Of is the size in bytes where a container may use this many.
func (s MemorySize) Of(all uint64) uint64 {
	if s.Percent > 0 {
		return uint64(float64(all) / 100 * float64(s.Percent))
	}
	return s.Bytes
}

// ParseMemorySize reads stressors.memory.size as Chaos Mesh's injector, memStress,
// reads it: kB, MB and GB are powers of 1000, KiB, MiB and GiB powers of 1024, in
// any case; a number alone is bytes. What only the webhook reads, and the injector
// takes for nothing or for another size, is an error. It says what to write.
func ParseMemorySize(text string) (MemorySize, error) {
	if text == "" {
		return MemorySize{}, fmt.Errorf("missing; without it the injector takes no memory; give what all workers take together, such as \"64MiB\"")
	}
	if fields := strings.Fields(text); len(fields) != 1 || fields[0] != text {
		return MemorySize{}, fmt.Errorf("%q has a space, at which Chaos Mesh cuts it; write %q", text, strings.Join(fields, ""))
	}
	if number, ok := strings.CutSuffix(text, "%"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > 100 {
			return MemorySize{}, fmt.Errorf("%q is not a share of memory; write a whole number from 1%% to 100%%", text)
		}
		return MemorySize{Percent: n}, nil
	}
	_, hook := units.FromHumanSize(text)
	bytes, injector := humanize.ParseBytes(text)
	if hook != nil || injector != nil {
		return MemorySize{}, fmt.Errorf("%q is not a size; write a number with B, kB, MB, GB, KiB, MiB or GiB, such as \"64MiB\"", text)
	}
	if bytes == 0 {
		return MemorySize{}, fmt.Errorf("%q takes no memory; give what all workers take together, such as \"64MiB\"", text)
	}
	return MemorySize{Bytes: bytes}, nil
}

func (c *checker) memorySize(m *v1alpha1.MemoryStressor) {
	if m.Size == "" && len(m.Options) > 0 {
		return // the options may hold it
	}
	const at = "spec.stressors.memory.size"
	size, err := ParseMemorySize(m.Size)
	switch {
	case err != nil:
		c.Problem(at, "%s", err)
	case size.Bytes > 0 && size.Bytes < uint64(max(0, m.Workers)):
		c.Problem(at, "%q among %d workers is less than a byte each; give what all workers take together", m.Size, m.Workers)
	}
}
