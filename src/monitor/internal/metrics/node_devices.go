package metrics

import (
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type nodeDisk struct {
	size, free, available, files, filesFree, readOnly, failed                                    *family
	readBytes, writtenBytes, reads, writes, readSeconds, writeSeconds, busy, weighted, inProcess *family
	pressure                                                                                     stalls
}

func newNodeDisk() nodeDisk {
	fs := func(name, help string) *family {
		return node(gaugeKind, "filesystem_"+name, help, "device", "fstype", "mountpoint")
	}
	disk := func(name, help string) *family { return node(counterKind, "disk_"+name, help, "device") }
	return nodeDisk{
		size:      fs("size_bytes", "Size of the file system."),
		free:      fs("free_bytes", "Space that is not in use."),
		available: fs("avail_bytes", "Space that an unprivileged process can still write."),
		files:     fs("files", "Inodes of the file system; 0 without a fixed number."),
		filesFree: fs("files_free", "Inodes not in use."),
		readOnly:  fs("readonly", "Whether the file system is mounted read-only."),
		failed:    node(gaugeKind, "filesystem_device_error", "Whether the mount gave no figures, and why.", "device", "device_error", "fstype", "mountpoint"),

		readBytes:    disk("read_bytes_total", "Bytes read from the disk."),
		writtenBytes: disk("written_bytes_total", "Bytes written to the disk."),
		reads:        disk("reads_completed_total", "Reads that the disk completed."),
		writes:       disk("writes_completed_total", "Writes that the disk completed."),
		readSeconds:  disk("read_time_seconds_total", "Time that all reads took, added up."),
		writeSeconds: disk("write_time_seconds_total", "Time that all writes took, added up."),
		busy:         disk("io_time_seconds_total", "Time in which the disk had a request in progress."),
		weighted:     disk("io_time_weighted_seconds_total", "Time in which the disk had requests in progress, times their number."),
		inProcess:    node(gaugeKind, "disk_io_now", "Requests that the disk has in progress.", "device"),
		pressure:     newStalls("io", "reads and writes"),
	}
}

func (e nodeDisk) emit(w *writer, s *sample.Snapshot) {
	if s.Disk == nil {
		return
	}
	for _, fs := range s.Disk.Filesystems {
		labels := []string{fs.Device, fs.Type, fs.Mountpoint}
		e.failed.send(w, flag(fs.Usage == nil), fs.Device, string(fs.Reason), fs.Type, fs.Mountpoint)
		e.readOnly.send(w, flag(fs.ReadOnly), labels...)
		if u := fs.Usage; u != nil {
			e.size.send(w, float64(u.SizeBytes), labels...)
			e.free.send(w, float64(u.SizeBytes-min(u.UsedBytes, u.SizeBytes)), labels...)
			e.available.send(w, float64(u.AvailableBytes), labels...)
			e.files.send(w, float64(u.Inodes), labels...)
			e.filesFree.send(w, float64(u.InodesFree), labels...)
		}
	}
	for _, d := range s.Disk.Devices {
		e.readBytes.send(w, float64(d.Read.Bytes), d.Name)
		e.writtenBytes.send(w, float64(d.Write.Bytes), d.Name)
		e.reads.send(w, float64(d.Read.Requests), d.Name)
		e.writes.send(w, float64(d.Write.Requests), d.Name)
		e.readSeconds.send(w, d.Read.Seconds, d.Name)
		e.writeSeconds.send(w, d.Write.Seconds, d.Name)
		e.busy.send(w, d.BusySeconds, d.Name)
		e.weighted.send(w, d.WeightedSeconds, d.Name)
		e.inProcess.send(w, float64(d.InProgress), d.Name)
	}
	e.pressure.send(w, s.Disk.Pressure)
}

type nodeNetwork struct {
	receive, transmit direction
	up, speed         *family
}

func newNodeNetwork() nodeNetwork {
	families := func(prefix, done string) direction {
		one := func(name, help string) *family { return node(counterKind, prefix+name, help, "device") }
		return direction{
			bytes:   one("_bytes_total", "Bytes that the interface "+done+"."),
			packets: one("_packets_total", "Packets that the interface "+done+"."),
			errors:  one("_errs_total", "Packets with errors that the interface "+done+"."),
			dropped: one("_drop_total", "Packets dropped that the interface should have "+done+"."),
		}
	}
	return nodeNetwork{
		receive:  families("network_receive", "received"),
		transmit: families("network_transmit", "sent"),
		up:       node(gaugeKind, "network_up", "Whether the operational state of the interface is up.", "device"),
		speed:    node(gaugeKind, "network_speed_bytes", "Speed of the interface's link, in bytes per second.", "device"),
	}
}

func (e nodeNetwork) emit(w *writer, s *sample.Snapshot) {
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
		e.up.send(w, flag(i.Link.State == "up"), i.Name)
		if i.Link.SpeedBytes != nil {
			e.speed.send(w, float64(*i.Link.SpeedBytes), i.Name)
		}
	}
}
