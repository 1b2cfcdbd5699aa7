package kind

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheGatewayOfANetwork(t *testing.T) {
	const six = `{"Subnet": "fc00:f853:ccd:e793::/64", "Gateway": "fc00:f853:ccd:e793::1"}`
	for name, tt := range map[string]struct{ inspected, want, says string }{
		"of both families":                     {`[{"Name": "kind", "IPAM": {"Config": [` + six + `, {"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]}}]`, "172.18.0.1", ""},
		"of IPv4 alone":                        {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "192.168.32.0/20", "Gateway": "192.168.32.1"}]}}]`, "192.168.32.1", ""},
		"with the length of the prefix":        {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1/16"}]}}]`, "172.18.0.1", ""},
		"of a subnet alone":                    {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}}]`, "172.18.0.1", ""},
		"that is not the first address":        {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "10.1.0.0/16", "Gateway": "10.1.255.254"}]}}]`, "10.1.255.254", ""},
		"of which there are more":              {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "10.1.0.0/16", "Gateway": "10.1.0.1"}, {"Subnet": "10.2.0.0/16", "Gateway": "10.2.0.1"}]}}]`, "10.1.0.1", ""},
		"beside another network":               {`[{"Name": "bridge", "IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]}}, {"Name": "kind", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]}}]`, "172.18.0.1", ""},
		"of a network that there is not":       {`[]`, "", "there is no network kind of Docker"},
		"of another network only":              {`[{"Name": "kindness", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]}}]`, "", "there is no network kind of Docker"},
		"of IPv6 alone":                        {`[{"Name": "kind", "IPAM": {"Config": [` + six + `]}}]`, "", "network kind of Docker has no IPv4"},
		"of a network without addresses":       {`[{"Name": "kind", "IPAM": {"Config": null}}]`, "", "network kind of Docker has no IPv4"},
		"that is no address":                   {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "router"}]}}]`, "", `gateway "router"`},
		"that is of another family":            {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "fc00::1"}]}}]`, "", `gateway "fc00::1" is not in 172.18.0.0/16`},
		"that is somewhere else":               {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "0.0.0.0"}]}}]`, "", `gateway "0.0.0.0" is not in 172.18.0.0/16`},
		"that is every address":                {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "0.0.0.0/0", "Gateway": "0.0.0.0"}]}}]`, "", `gateway "0.0.0.0" is not in 0.0.0.0/0`},
		"of a subnet that has none":            {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "255.255.255.255/32"}]}}]`, "", "is not in 255.255.255.255/32"},
		"of a subnet that is none":             {`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "172.18", "Gateway": "172.18.0.1"}]}}]`, "", `subnet "172.18"`},
		"where Docker is cut short":            {`[{"Name": "kind", "IPAM": {"Conf`, "", "docker network inspect kind: unexpected end of JSON input"},
		"where Docker writes no JSON":          {`Error: no such network`, "", "docker network inspect kind: invalid character"},
		"where Docker writes nothing":          {``, "", "docker network inspect kind: unexpected end of JSON input"},
		"where the JSON is of something other": {`{"Name": "kind"}`, "", "docker network inspect kind: json: cannot unmarshal object"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := gatewayOf("kind", []byte(tt.inspected))
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v, %v, want %q", got, err, tt.says)
				}
				return
			}
			if err != nil || got.String() != tt.want {
				t.Errorf("%v, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func FuzzGateway(f *testing.F) {
	f.Add(`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]}}]`)
	f.Add(`[{"Name": "kind", "IPAM": {"Config": [{"Subnet": "255.255.255.255/32"}]}}]`)
	f.Fuzz(func(t *testing.T, inspected string) {
		got, err := gatewayOf("kind", []byte(inspected))
		if err == nil && (!got.Is4() || got.IsUnspecified()) {
			t.Errorf("%v", got)
		}
	})
}

func TestWhatDockerSaysOfMemory(t *testing.T) {
	for name, tt := range map[string]struct {
		stats string
		want  []Usage
		says  string
	}{
		"of two nodes, the larger first": {
			`{"Name":"a","MemUsage":"512MiB / 23.4GiB","PIDs":"120","CPUPerc":"3.1%"}` + "\n" + `{"Name":"b","MemUsage":"1.5GiB / 23.4GiB","PIDs":"230"}` + "\n",
			[]Usage{{"b", 3 << 29, 230}, {"a", 512 << 20, 120}},
			"",
		},
		"of two that take the same, by name": {
			`{"Name":"b","MemUsage":"1KiB / 1GiB","PIDs":"1"}` + "\n" + `{"Name":"a","MemUsage":"1KiB / 1GiB","PIDs":"1"}`,
			[]Usage{{"a", 1024, 1}, {"b", 1024, 1}},
			"",
		},
		"of one that does not run":         {`{"Name":"a","MemUsage":"-- / --","PIDs":"--"}`, []Usage{{"a", 0, 0}}, ""},
		"of none":                          {"", nil, ""},
		"in words":                         {`{"Name":"a","MemUsage":"much","PIDs":"1"}`, nil, "docker stats: memory of a"},
		"with processes in words":          {`{"Name":"a","MemUsage":"1KiB / 1GiB","PIDs":"few"}`, nil, "docker stats: processes of a"},
		"in the letters of another format": {"json\njson\n", nil, "docker stats: invalid character"},
		"cut short":                        {`{"Name":"a","MemUsa`, nil, "docker stats: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := usageOf([]byte(tt.stats))
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v, %v, want %q", got, err, tt.says)
				}
				return
			}
			if d := cmp.Diff(tt.want, got); err != nil || d != "" {
				t.Errorf("%v: %s", err, d)
			}
		})
	}
}

func TestWhatIsShownOfKindsProgress(t *testing.T) {
	var told []string
	b := &bench{}
	l := logger{b.report}
	for _, message := range []string{
		"Creating cluster \"ballast-x\" ...\n", " • Ensuring node image (kindest/node:v1.37.0) 🖼  ...\n", " ✓ Ensuring node image (kindest/node:v1.37.0) 🖼\n",
		" ✓ Preparing nodes 📦 📦 📦 \n", " ✗ Starting control-plane 🕹️\n", " ✓ \n", "✓", "", "✓ ⏳",
	} {
		l.V(0).Infof("%s", message)
		l.V(0).Info(message)
		l.V(1).Info(message)
	}
	l.Warn("cgroup v1 is deprecated\n")
	l.Warnf("%s", "so and so")
	l.Error("failed to update kubeconfig")
	l.Errorf("%d", 1)
	for _, line := range []string{"Ensuring node image (kindest/node:v1.37.0)", "Preparing nodes", "Starting control-plane: failed"} {
		told = append(told, "kind: "+line, "kind: "+line)
	}
	told = append(told, "kind: cgroup v1 is deprecated", "kind: so and so", "kind: failed to update kubeconfig", "kind: 1")
	if d := cmp.Diff(told, b.told); d != "" {
		t.Error(d)
	}
	if !l.V(0).Enabled() || l.V(1).Enabled() {
		t.Error("the levels that are shown are others")
	}
}

func TestWhereDockerDoesNotAnswer(t *testing.T) {
	const says = "CLUSTER=kind needs a running Docker; CLUSTER=source needs none"
	for name, tt := range map[string]struct{ docker, reason string }{
		"there is no program":       {"", `exec: "docker": executable file not found in $PATH`},
		"there is nobody behind it": {"echo Cannot connect to the Docker daemon. >&2; echo 'more of it' >&2; exit 1", "docker version: Cannot connect to the Docker daemon.: exit status 1"},
		"it says nothing":           {"exit 1", "docker version: exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if tt.docker == "" {
				without(t)
			} else {
				b.program(t, "docker", tt.docker)
			}
			for what, err := range map[string]error{
				"Answers": Answers(t.Context()), "Start": b.Start(t.Context()), "Stop": b.Stop(t.Context()), "Logs": b.Logs(t.Context(), filepath.Join(t.TempDir(), "logs")),
			} {
				if !errors.Is(err, ErrNoDocker) || !strings.HasPrefix(err.Error(), says) || !strings.Contains(err.Error(), tt.reason) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: %v, want %s (%s)", what, err, says, tt.reason)
				}
			}
			if len(b.made.configs) > 0 || len(b.told) > 0 {
				t.Errorf("something was begun: %v", b.told)
			}
			usage, err := b.Usage(t.Context())
			if usage != nil || err != nil || len(b.told) != 1 || !strings.HasPrefix(b.told[0], "what the nodes take is not known: docker ps: ") {
				t.Errorf("usage: %v, %v: %v", usage, err, b.told)
			}
		})
	}
}

func TestWhatNodesTake(t *testing.T) {
	b := newBench(t)
	got, err := b.Usage(t.Context())
	if d := cmp.Diff([]Usage{{"ballast-x-control-plane", 3 << 29, 230}, {"ballast-x-worker", 1 << 30, 120}}, got); err != nil || d != "" {
		t.Errorf("%v: %s", err, d)
	}
	if calls := b.called(t, "docker"); !slices.Contains(calls, "stats --no-stream --format={{json .}} ballast-x-control-plane ballast-x-worker") {
		t.Errorf("%q", calls)
	}
	b.program(t, "docker", "")
	if got, err := b.Usage(t.Context()); got != nil || err != nil || len(b.told) != 1 || b.told[0] != "what the nodes take is not known: there are none" {
		t.Errorf("without nodes: %v, %v: %v", got, err, b.told)
	}
}
