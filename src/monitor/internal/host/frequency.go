package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// frequencyBudget is how long one reading of all frequencies may take. Before
// Linux 5.18 a processor that was idle can take 20 ms to answer.
const frequencyBudget = 25 * time.Millisecond

// frequencyReader reads frequencies as long as that is cheap.
type frequencyReader struct{ patience }

// Frequencies returns how fast processors run now, in hertz by ID. Those
// whose driver does not say are left out, and all are on a machine without
// frequency scaling, which is no problem.
func (h *Host) Frequencies(_ context.Context, cores []CoreTimes) (map[string]float64, Report) {
	var rep Report
	cpus := filepath.Join(h.sys, "devices", "system", "cpu")
	// Without a policy there is no file to look for.
	if policies, err := os.ReadDir(filepath.Join(cpus, "cpufreq")); err != nil || len(policies) == 0 {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			rep.lacks(filepath.Join(cpus, "cpufreq"), err)
		}
		return nil, rep
	}
	read := func(id string) (float64, bool) {
		path := filepath.Join(cpus, "cpu"+id, "cpufreq", "scaling_cur_freq")
		content, err := readAll(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return 0, false
		case err != nil:
			rep.lacks(path, err)
			return 0, false
		}
		text := strings.TrimSpace(content)
		khz, err := strconv.ParseUint(text, 10, 64)
		if err != nil || khz > 1<<40 {
			if text != "<unknown>" { // what drivers say that cannot tell
				rep.skip(path, "cpu"+id, text)
			}
			return 0, false
		}
		return float64(khz) * 1000, true
	}
	hertz, cheap := h.frequencies.read(cores, read, time.Now)
	if !cheap {
		rep.lacks(filepath.Join(cpus, "cpufreq"), tooSlow("frequencies", frequencyBudget))
	}
	return hertz, rep
}

// read asks for one processor after the other while there is time. It
// returns false while frequencies are given up.
func (f *frequencyReader) read(cores []CoreTimes, one func(id string) (float64, bool), now func() time.Time) (map[string]float64, bool) {
	hertz := make(map[string]float64, len(cores))
	cheap := f.each(len(cores), frequencyBudget, func(i int) {
		if v, ok := one(cores[i].ID); ok {
			hertz[cores[i].ID] = v
		}
	}, now)
	if !cheap {
		return nil, false
	}
	return hertz, true
}
