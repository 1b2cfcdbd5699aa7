package metrics

import (
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type networkEmitter struct {
	receive, transmit direction
	up, speed         *family
}

// direction is the families of one direction of traffic.
type direction struct{ bytes, packets, errors, dropped *family }

func newNetworkEmitter() networkEmitter {
	const label = "interface"
	families := func(prefix, done string) direction {
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
		up:       gauge("network_up", "Whether the interface's link works; absent where its driver does not say.", label),
		speed:    gauge("network_speed_bytes", "Speed of the interface's link, in bytes per second; absent where its driver does not say.", label),
	}
}

func (e networkEmitter) emit(w *writer, s *sample.Snapshot) {
	if s.Network == nil {
		return
	}
	for _, i := range s.Network.Interfaces {
		r, t := i.Receive, i.Transmit
		e.receive.send(w, i.Name, r.Bytes, r.Packets, r.Errors, r.Dropped)
		e.transmit.send(w, i.Name, t.Bytes, t.Packets, t.Errors, t.Dropped)
		if i.Link == nil {
			continue
		}
		if up, known := i.Link.Up(); known {
			e.up.send(w, flag(up), i.Name)
		}
		if i.Link.SpeedBytes != nil {
			e.speed.send(w, float64(*i.Link.SpeedBytes), i.Name)
		}
	}
}

func (d direction) send(w *writer, name string, bytes, packets, errors, dropped uint64) {
	d.bytes.send(w, float64(bytes), name)
	d.packets.send(w, float64(packets), name)
	d.errors.send(w, float64(errors), name)
	d.dropped.send(w, float64(dropped), name)
}
