package metrics

import (
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

type diskEmitter struct {
	up, readOnly, counted, size, used, available, inodes, inodesFree                           *family
	readBytes, writtenBytes, reads, writes, readSeconds, writeSeconds, busySeconds, inProgress *family
	pressure                                                                                   *family
}

func newDiskEmitter() diskEmitter {
	fs := []string{"device", "fstype", "mountpoint"}
	const dev = "device"
	return diskEmitter{
		up:         gauge("filesystem_up", "Whether the mount answered; without an answer its size and usage are absent.", fs...),
		counted:    gauge("filesystem_counted", "1 for one mount of each file system and 0 for further ones, so that sums count nothing twice.", fs...),
		readOnly:   gauge("filesystem_readonly", "Whether the file system is mounted read-only.", fs...),
		size:       gauge("filesystem_size_bytes", "Size of the file system.", fs...),
		used:       gauge("filesystem_used_bytes", "Space in use.", fs...),
		available:  gauge("filesystem_available_bytes", "Space that an unprivileged process can still write.", fs...),
		inodes:     gauge("filesystem_inodes", "Inodes of the file system; 0 without a fixed number.", fs...),
		inodesFree: gauge("filesystem_inodes_free", "Inodes not in use.", fs...),

		readBytes:    counter("disk_read_bytes_total", "Bytes read from the disk.", dev),
		writtenBytes: counter("disk_written_bytes_total", "Bytes written to the disk.", dev),
		reads:        counter("disk_reads_completed_total", "Reads that the disk completed.", dev),
		writes:       counter("disk_writes_completed_total", "Writes that the disk completed.", dev),
		readSeconds:  counter("disk_read_time_seconds_total", "Time that all reads took, added up.", dev),
		writeSeconds: counter("disk_write_time_seconds_total", "Time that all writes took, added up.", dev),
		busySeconds:  counter("disk_busy_seconds_total", "Time in which the disk had a request in progress.", dev),
		inProgress:   gauge("disk_requests_in_progress", "Requests that the disk has in progress.", dev),

		pressure: pressureFamily("disk", "reads and writes"),
	}
}

func (e diskEmitter) emit(w *writer, s *sample.Snapshot) {
	if s.Disk == nil {
		return
	}
	for _, fs := range s.Disk.Filesystems {
		labels := []string{fs.Device, fs.Type, fs.Mountpoint}
		e.readOnly.send(w, flag(fs.ReadOnly), labels...)
		e.counted.send(w, flag(fs.Counted), labels...)
		if fs.Asked() {
			e.up.send(w, flag(fs.Usage != nil), labels...)
		}
		if u := fs.Usage; u != nil {
			e.size.send(w, float64(u.SizeBytes), labels...)
			e.used.send(w, float64(u.UsedBytes), labels...)
			e.available.send(w, float64(u.AvailableBytes), labels...)
			e.inodes.send(w, float64(u.Inodes), labels...)
			e.inodesFree.send(w, float64(u.InodesFree), labels...)
		}
	}
	for _, d := range s.Disk.Devices {
		e.readBytes.send(w, float64(d.Read.Bytes), d.Name)
		e.writtenBytes.send(w, float64(d.Write.Bytes), d.Name)
		e.reads.send(w, float64(d.Read.Requests), d.Name)
		e.writes.send(w, float64(d.Write.Requests), d.Name)
		e.readSeconds.send(w, d.Read.Seconds, d.Name)
		e.writeSeconds.send(w, d.Write.Seconds, d.Name)
		e.busySeconds.send(w, d.BusySeconds, d.Name)
		e.inProgress.send(w, float64(d.InProgress), d.Name)
	}
	sendPressure(w, e.pressure, s.Disk.Pressure)
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
