package app

import (
	"slices"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

func TestProcessesAreCollectedOnlyWhereTheyAreNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want []sample.Name
	}{
		"by default":     {nil, []sample.Name{sample.CPU, sample.Memory, sample.Disk, sample.Network, sample.Cgroup, sample.System}},
		"a list of four": {[]string{"--collectors=cpu,memory,disk,network"}, []sample.Name{sample.CPU, sample.Memory, sample.Disk, sample.Network}},
		"named":          {[]string{"--collectors=processes,cpu"}, []sample.Name{sample.CPU, sample.Processes}},
	} {
		t.Run(name, func(t *testing.T) {
			var cfg config
			flags := pflag.NewFlagSet("monitor", pflag.ContinueOnError)
			cfg.register(flags)
			if err := flags.Parse(tc.args); err != nil {
				t.Fatal(err)
			}
			if err := cfg.check(); err != nil {
				t.Error(err)
			}
			if got := cfg.names(); !slices.Equal(got, tc.want) {
				t.Errorf("collectors %v, want %v", got, tc.want)
			}
		})
	}
}
