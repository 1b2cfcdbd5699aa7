package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type networkEmitter struct{ receive, transmit direction }

// direction is the families of one direction of traffic.
type direction struct{ bytes, packets, errors, dropped family }

func newNetworkEmitter() networkEmitter {
	families := func(prefix, done string) direction {
		const label = "interface"
		return direction{
			bytes:   counter(prefix+"_bytes_total", "Bytes that the interface "+done+".", label),
			packets: counter(prefix+"_packets_total", "Packets that the interface "+done+".", label),
			errors:  counter(prefix+"_errors_total", "Packets with errors that the interface "+done+".", label),
			dropped: counter(prefix+"_dropped_total", "Packets dropped that the interface should have "+done+".", label),
		}
	}
	return networkEmitter{
		receive:  families("network_receive", "received"),
		transmit: families("network_transmit", "sent"),
	}
}

func (e networkEmitter) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []direction{e.receive, e.transmit} {
		describeAll(ch, d.bytes, d.packets, d.errors, d.dropped)
	}
}

func (e networkEmitter) emit(ch chan<- prometheus.Metric, s *sample.Snapshot, _ time.Time) {
	if s.Network == nil {
		return
	}
	for _, i := range s.Network.Interfaces {
		r, t := i.Receive, i.Transmit
		e.receive.send(ch, i.Name, r.Bytes, r.Packets, r.Errors, r.Dropped)
		e.transmit.send(ch, i.Name, t.Bytes, t.Packets, t.Errors, t.Dropped)
	}
}

func (d direction) send(ch chan<- prometheus.Metric, name string, bytes, packets, errors, dropped uint64) {
	d.bytes.send(ch, float64(bytes), name)
	d.packets.send(ch, float64(packets), name)
	d.errors.send(ch, float64(errors), name)
	d.dropped.send(ch, float64(dropped), name)
}
