package host

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// chip lays out a chip, whose device is at a place of the machine.
func (tr *tree) chip(hwmon, device, driver string, files map[string]string) {
	tr.t.Helper()
	dir := "sys/class/hwmon/" + hwmon
	tr.put(dir+"/name", driver)
	for name, content := range files {
		tr.put(dir+"/"+name, content)
	}
	if device != "" {
		tr.put("sys/devices/"+device+"/uevent", "")
		if err := os.Symlink(filepath.Join(tr.root, "sys/devices", device), filepath.Join(tr.root, dir, "device")); err != nil {
			tr.t.Fatal(err)
		}
	}
}

func TestTemperaturesAreThoseOfTheSensorsThatAnswer(t *testing.T) {
	tr := system(t)
	tr.chip("hwmon0", "platform/coretemp.0", "coretemp", map[string]string{
		"temp1_input": "45000", "temp1_label": "Package id 0", "temp1_max": "80000", "temp1_crit": "100000",
		"temp10_input": "41500", "temp2_input": "-5250", "in1_input": "1200", "temp3_label": "no value",
	})
	tr.chip("hwmon1", "pci0000:00/0000:00:1d.0/nvme/nvme0", "nvme", map[string]string{"temp1_input": "38850", "temp1_label": "Composite", "temp1_crit": "odd"})
	tr.chip("hwmon2", "", "acpitz", map[string]string{"temp1_input": "hot"})
	tr.chip("hwmon3", "i2c-0/0-0048", "lm75", nil)
	tr.put("sys/devices/i2c-0/0-0048/temp1_input", "25000") // of an old driver
	tr.block("sys/class/hwmon/hwmon2/temp2_input")          // it cannot be read
	var got System
	var rep Report
	synctest.Test(t, func(t *testing.T) { // a busy machine does not use up the budget
		var err error
		if got, rep, err = tr.System(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	want := []Temperature{
		{Chip: "i2c_0_0_0048", Driver: "lm75", Sensor: "temp1", Celsius: 25},
		{Chip: "nvme_nvme0", Driver: "nvme", Sensor: "temp1", Label: "Composite", Celsius: 38.85},
		{Chip: "platform_coretemp_0", Driver: "coretemp", Sensor: "temp1", Label: "Package id 0", Celsius: 45, MaxCelsius: new(80.0), CriticalCelsius: new(100.0)},
		{Chip: "platform_coretemp_0", Driver: "coretemp", Sensor: "temp2", Celsius: -5.25},
		{Chip: "platform_coretemp_0", Driver: "coretemp", Sensor: "temp10", Celsius: 41.5},
	}
	if d := cmp.Diff(want, got.Temperatures); d != "" {
		t.Errorf("temperatures (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"temp1_input", "temp1_crit"}, skipped(rep)); d != "" || rep.Files != nil {
		t.Errorf("skipped (-want +got):\n%s%+v", d, rep.Files)
	}
}

func TestAMachineWithoutSensorsHasNoTemperatures(t *testing.T) {
	tr := system(t)
	if got, rep, err := tr.System(t.Context()); err != nil || got.Temperatures == nil || len(got.Temperatures) != 0 || rep.Files != nil {
		t.Errorf("%+v, %+v, %v", got.Temperatures, rep, err)
	}
	tr.put("sys/class/hwmon", "no directory")
	if got, rep, err := tr.System(t.Context()); err != nil || got.Temperatures != nil || len(rep.Files) != 1 {
		t.Errorf("%+v, %+v, %v", got.Temperatures, rep, err)
	}
}
