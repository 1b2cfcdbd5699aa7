package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// temperatureBudget is how long one reading of all sensors may take. Those
// behind slow buses take milliseconds each.
const temperatureBudget = 500 * time.Millisecond

// Temperature is the reading of one sensor of a processor, a disk (NVMe too) or a
// board.
type Temperature struct {
	// Chip is the sensor's place on the machine's buses, in node_exporter's
	// form: platform_coretemp_0, nvme_nvme0.
	Chip string `json:"chip"`
	// Driver is the kernel's name for the kind of chip: coretemp, nvme.
	Driver string `json:"driver"`
	Sensor string `json:"sensor"` // temp1
	// Label is the driver's name for the sensor: Composite, Core 0; empty where
	// it has none.
	Label   string  `json:"label"`
	Celsius float64 `json:"celsius"`
	// MaxCelsius and CriticalCelsius are the driver's limits; nil where it names
	// none.
	MaxCelsius      *float64 `json:"maxCelsius"`
	CriticalCelsius *float64 `json:"criticalCelsius"`
}

// sensor is a file temp1_input, and the names of its chip.
type sensor struct{ path, chip, driver string }

var sensorFile = regexp.MustCompile(`^temp\d+_input$`)

// temperatures returns the readings of the sensors, sorted by chip and sensor. A
// sensor that does not answer is left out without a report: a disk may be asleep.
// The list is nil while sensors are given up because they take too long.
func (h *Host) temperatures(rep *Report) []Temperature {
	class := filepath.Join(h.sys, "class", "hwmon")
	sensors, err := findSensors(class)
	if err != nil {
		rep.lacks(class, err)
		return nil
	}
	list := make([]Temperature, 0, len(sensors))
	cheap := h.sensors.each(len(sensors), temperatureBudget, func(i int) {
		if t, ok := readSensor(sensors[i], rep); ok {
			list = append(list, t)
		}
	}, time.Now)
	if !cheap {
		rep.lacks(class, tooSlow("temperatures", temperatureBudget))
		return nil
	}
	return list
}

// findSensors lists the files of temperatures. A machine without any, as most
// virtual ones are, has none.
func findSensors(class string) ([]sensor, error) {
	chips, err := os.ReadDir(class)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var sensors []sensor
	for _, c := range chips {
		dir := filepath.Join(class, c.Name())
		chip, driver := chipNames(dir)
		// Old drivers have the files beside the device.
		for _, place := range []string{dir, filepath.Join(dir, "device")} {
			entries, _ := os.ReadDir(place) // without a device there is nothing
			for _, e := range entries {
				if sensorFile.MatchString(e.Name()) {
					sensors = append(sensors, sensor{filepath.Join(place, e.Name()), chip, driver})
				}
			}
		}
	}
	slices.SortStableFunc(sensors, func(a, b sensor) int {
		if c := strings.Compare(a.chip, b.chip); c != 0 {
			return c
		}
		// temp2 before temp10
		if c := len(filepath.Base(a.path)) - len(filepath.Base(b.path)); c != 0 {
			return c
		}
		return strings.Compare(filepath.Base(a.path), filepath.Base(b.path))
	})
	return slices.CompactFunc(sensors, func(a, b sensor) bool {
		return a.chip == b.chip && filepath.Base(a.path) == filepath.Base(b.path)
	}), nil
}

// chipNames returns a chip's place, as node_exporter names it, and its driver.
func chipNames(dir string) (chip, driver string) {
	if text, err := readOnce(filepath.Join(dir, "name")); err == nil {
		driver = clean(strings.TrimSpace(text))
	}
	if device, err := filepath.EvalSymlinks(filepath.Join(dir, "device")); err == nil {
		if name, bus := plain(filepath.Base(device)), plain(filepath.Base(filepath.Dir(device))); name != "" && bus != "" {
			return bus + "_" + name, driver
		} else if name != "" {
			return name, driver
		}
	}
	if name := plain(driver); name != "" {
		return name, driver
	}
	return plain(filepath.Base(dir)), driver
}

// plain keeps the characters that node_exporter allows in such a label.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == ':' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
	return strings.Trim(name, "_")
}

func readSensor(s sensor, rep *Report) (Temperature, bool) {
	celsius, ok := degrees(s.path, rep)
	if !ok {
		return Temperature{}, false
	}
	stem := strings.TrimSuffix(s.path, "_input")
	t := Temperature{Chip: s.chip, Driver: s.driver, Sensor: filepath.Base(stem), Celsius: celsius}
	if text, err := readOnce(stem + "_label"); err == nil {
		t.Label = clean(strings.TrimSpace(text))
	}
	if v, ok := degrees(stem+"_max", rep); ok {
		t.MaxCelsius = &v
	}
	if v, ok := degrees(stem+"_crit", rep); ok {
		t.CriticalCelsius = &v
	}
	return t, true
}

// degrees reads a file of thousandths of a degree.
func degrees(path string, rep *Report) (float64, bool) {
	text, err := readOnce(path)
	if errors.Is(err, fs.ErrPermission) {
		rep.lacks(path, err)
	}
	if err != nil {
		return 0, false
	}
	text = strings.TrimSpace(text)
	v, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		rep.skip(path, filepath.Base(path), text)
		return 0, false
	}
	return float64(v) / 1000, true
}

// readOnce reads a short file with one system call. Some drivers answer EAGAIN,
// and Go's runtime would then wait without end for the file of sysfs to become
// readable.
func readOnce(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(fd) }() // it was only read
	var buffer [256]byte
	n, err := unix.Read(fd, buffer[:])
	if err != nil {
		return "", &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return string(buffer[:n]), nil
}
