package httpapi

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// item is a parameter that narrows a reading to one thing.
type item struct {
	parameter string
	// narrow returns the part with that thing alone, in the form of the
	// whole; false when it is not there.
	narrow func(s *sample.Snapshot, name string) (any, bool)
}

func itemsOf(name sample.Name) []item {
	switch name {
	case sample.CPU:
		return []item{{"cpu", oneCPU}}
	case sample.Disk:
		return []item{{"mountpoint", oneMountpoint}, {"device", oneDevice}}
	case sample.Network:
		return []item{{"interface", oneInterface}}
	case sample.Memory, sample.Cgroup, sample.System, sample.Processes:
		return nil
	default:
		return nil
	}
}

func names(items []item) []string {
	list := make([]string, len(items))
	for i, it := range items {
		list[i] = it.parameter
	}
	return list
}

// narrowed returns the item that is asked for. It answers with a problem, and
// returns false, if there is none or more than one is asked for.
func narrowed(c *gin.Context, s *sample.Snapshot, items []item, given map[string]string) (any, bool) {
	if len(given) > 1 {
		problem(c, http.StatusBadRequest, "name one item, by one parameter: "+offer(names(items)))
		return nil, false
	}
	for _, it := range items {
		value, ok := given[it.parameter]
		if !ok {
			continue
		}
		if part, found := it.narrow(s, value); found {
			return part, true
		}
		parameterProblem(c, http.StatusNotFound, it.parameter, fmt.Sprintf("there is no %s %q; %s lists what there is", it.parameter, value, c.FullPath()))
	}
	return nil, false
}

func oneCPU(s *sample.Snapshot, id string) (any, bool) {
	one := *s.CPU
	one.Cores = only(s.CPU.Cores, func(core sample.CoreReading) bool { return core.ID == id })
	return &one, len(one.Cores) > 0
}

func oneMountpoint(s *sample.Snapshot, point string) (any, bool) {
	one := host.Disk{
		Filesystems: only(s.Disk.Filesystems, func(f host.Filesystem) bool { return f.Mountpoint == point }),
		Devices:     []host.BlockDevice{}, Pressure: s.Disk.Pressure,
	}
	return &one, len(one.Filesystems) > 0
}

// oneDevice returns the disk of that name, or the file systems on the device
// of that name.
func oneDevice(s *sample.Snapshot, device string) (any, bool) {
	one := host.Disk{
		Filesystems: only(s.Disk.Filesystems, func(f host.Filesystem) bool { return f.Device == device }),
		Devices:     only(s.Disk.Devices, func(d host.BlockDevice) bool { return d.Name == device }), Pressure: s.Disk.Pressure,
	}
	return &one, len(one.Filesystems)+len(one.Devices) > 0
}

func oneInterface(s *sample.Snapshot, name string) (any, bool) {
	one := host.Network{Interfaces: only(s.Network.Interfaces, func(i host.Interface) bool { return i.Name == name })}
	return &one, len(one.Interfaces) > 0
}

// only returns the elements that match; never nil, which would mean that they
// cannot be read.
func only[T any](list []T, match func(T) bool) []T {
	found := []T{}
	for _, v := range list {
		if match(v) {
			found = append(found, v)
		}
	}
	return found
}
