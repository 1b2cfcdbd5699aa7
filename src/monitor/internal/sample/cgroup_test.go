package sample

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
)

// cgroupRows answers each call with the next row.
type cgroupRows []host.Cgroup

func (r *cgroupRows) Cgroup(context.Context) (host.Cgroup, host.Report, error) {
	row := (*r)[0]
	*r = (*r)[1:]
	return row, host.Report{}, nil
}

// using is a group below one with a limit of half a processor.
func using(path string, own, limiting float64) host.Cgroup {
	return host.Cgroup{CPU: &host.CgroupCPU{
		Membership: host.Membership{Version: 2, Path: path}, UsageSeconds: own,
		Limit: &host.CPULimit{Path: "/pod", Cores: 0.5, UsageSeconds: &limiting},
	}}
}

func TestWhatTheCgroupUsedIsOverTheIntervalBetweenTwoReadings(t *testing.T) {
	for name, tc := range map[string]struct {
		before, now host.Cgroup
		cores       *float64
		percent     *float64
	}{
		"a fifth of a processor":       {using("/pod/a", 10, 20), using("/pod/a", 11, 22), new(0.2), new(80.0)},
		"nothing":                      {using("/pod/a", 10, 20), using("/pod/a", 10, 20), new(0.0), new(0.0)},
		"its counters were reset":      {using("/pod/a", 10, 20), using("/pod/a", 1, 22), nil, new(80.0)},
		"the limit's were":             {using("/pod/a", 10, 20), using("/pod/a", 11, 2), new(0.2), nil},
		"it was moved to another":      {using("/pod/a", 10, 20), using("/pod/b", 11, 22), nil, nil},
		"there was no figure before":   {host.Cgroup{}, using("/pod/a", 11, 22), nil, nil},
		"there is none now":            {using("/pod/a", 10, 20), host.Cgroup{}, nil, nil},
		"the limit is a new one":       {host.Cgroup{CPU: &host.CgroupCPU{Membership: host.Membership{Path: "/pod/a"}, UsageSeconds: 10}}, using("/pod/a", 11, 22), new(0.2), nil},
		"the limit's usage is unknown": {using("/pod/a", 10, 20), host.Cgroup{CPU: &host.CgroupCPU{Membership: host.Membership{Path: "/pod/a"}, UsageSeconds: 11, Limit: &host.CPULimit{Path: "/pod", Cores: 1}}}, new(0.2), nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := NewCgroup(&cgroupRows{tc.before, tc.now})
				var s Snapshot
				for i := range 2 {
					r, err := c.read(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					r.put(&s)
					if i == 0 {
						if s.Cgroup.UsedCores != nil || s.Cgroup.LimitUsedPercent != nil || s.Cgroup.Since != nil {
							t.Errorf("the first reading has an interval: %+v", s.Cgroup)
						}
						time.Sleep(5 * time.Second)
					}
				}
				if d := cmp.Diff([]*float64{tc.cores, tc.percent}, []*float64{s.Cgroup.UsedCores, s.Cgroup.LimitUsedPercent}); d != "" {
					t.Errorf("processors and percent (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestFiguresOfAContainerAreLoggedOnceAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		src, stop := start(t, &logs, NewMemory(source(func(context.Context) (host.Memory, host.Report, error) {
			return host.Memory{}, host.Report{Scopes: []host.Scope{{Figures: "memory", Detail: "covered"}, {Figures: "swap", Host: true}}}, nil
		})))
		defer stop()
		for range 3 {
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		if got := status(t, src, Memory).Scopes; len(got) != 2 {
			t.Errorf("scopes %+v", got)
		}
		if n := strings.Count(logs.String(), "not the host's"); n != 1 {
			t.Errorf("%d log lines, want 1:\n%s", n, &logs)
		}
	})
}
