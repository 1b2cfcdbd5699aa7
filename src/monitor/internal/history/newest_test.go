package history

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

func TestTheNewestValuesAreThoseOfTheNewestReadings(t *testing.T) {
	h := history(t, time.Second, 1<<20)
	if got := h.Newest(); len(got) != 0 {
		t.Errorf("before any reading: %v", got)
	}
	network := func(second int, interfaces ...host.Interface) {
		at := began().Add(time.Duration(second) * time.Second)
		h.Record(&sample.Snapshot{Network: &host.Network{Interfaces: interfaces}, Statuses: []sample.Status{{Name: sample.Network, SampledAt: at}}})
	}
	eth := func(received uint64) host.Interface {
		return host.Interface{Name: "eth0", Receive: host.Traffic{Bytes: received}}
	}
	h.Record(used(began(), 12.5))
	network(0, eth(0))
	network(1, eth(100))
	want := map[string]map[string]float64{
		"memory.used_percent":               {"": 12.5},
		"network.received_bytes_per_second": {"": 100, "eth0": 100},
		"network.sent_bytes_per_second":     {"": 0, "eth0": 0},
	}
	if d := cmp.Diff(want, h.Newest()); d != "" {
		t.Errorf("newest (-want +got):\n%s", d)
	}
	network(2) // it is gone
	delete(want, "network.received_bytes_per_second")
	delete(want, "network.sent_bytes_per_second")
	if d := cmp.Diff(want, h.Newest()); d != "" {
		t.Errorf("newest, after it is gone (-want +got):\n%s", d)
	}
}
