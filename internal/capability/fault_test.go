package capability_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/capability"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, diff)
	}
}

// elsewhere is what no node shows.
func elsewhere() []capability.Name {
	return []capability.Name{capability.AWSCredentials, capability.AzureCredentials, capability.GCPCredentials, capability.Chaosd}
}

// full is a node with all that a node can have.
func full() capability.Document {
	d := capability.Document{Kernel: "6.8.0-1021-azure", Cgroup: capability.CgroupV2}
	for _, n := range capability.Names() {
		if !slices.Contains(elsewhere(), n) {
			d = d.With(capability.Fact{Name: n, Present: true})
		}
	}
	return d
}

// bare is a node whose kernel is built for little: tc has tbf but neither netem nor
// prio nor sfq, nothing can be probed in the kernel, and no resource limit may be
// raised. The daemon's image is that of the Chaos Mesh project.
func bare() capability.Document {
	const tc = "Error: Specified qdisc kind is unknown."
	d := full().With(
		capability.Fact{Name: capability.Netem, Detail: tc},
		capability.Fact{Name: capability.Prio, Detail: tc},
		capability.Fact{Name: capability.SFQ, Detail: tc},
		capability.Fact{Name: capability.EbtablesBroute, Detail: "The kernel doesn't support the ebtables 'broute' table."},
		capability.Fact{Name: capability.CapSysResource, Detail: "choom: failed to set score adjust value: Permission denied"},
		capability.Fact{Name: capability.Kprobes, Detail: "the kernel has no symbol register_kprobe"},
		capability.Fact{Name: capability.BPFOverride, Detail: "the kernel has no symbol bpf_override_return"},
		capability.Fact{Name: capability.ErrorInjection, Detail: "the kernel has no symbol should_failslab"},
		capability.Fact{Name: capability.BPFKI, Detail: "there is no process bpfki"},
		capability.Fact{Name: capability.ChaosDriver, Detail: "there is no /dev/chaos"},
		capability.Fact{Name: capability.IOEM, Detail: "no block device offers the scheduler ioem"},
	)
	d.Kernel = "6.18.44"
	return d
}

// Every fault is judged on three nodes; the golden files are what a person reads.
func TestEveryFaultIsJudgedOn(t *testing.T) {
	for name, d := range map[string]capability.Document{
		"a node with a bare kernel":      bare(),
		"a node that has everything":     full(),
		"a node that nobody has probed":  {},
		"a node that has nothing at all": nothing(),
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for _, f := range capability.Faults() {
				v := d.Judge(f)
				if v.Possible != (len(v.Reasons) == 0) {
					t.Errorf("%s: possible is %v with %d reasons", f, v.Possible, len(v.Reasons))
				}
				answer := "not possible"
				if v.Possible {
					answer = "possible"
				}
				fmt.Fprintf(&got, "%s: %s\n", f, answer)
				for _, r := range v.Reasons {
					fmt.Fprintf(&got, "  - %s\n", r)
				}
			}
			golden(t, "judge-"+strings.ReplaceAll(name, " ", "-")+".golden", got.String())
		})
	}
}

// nothing is a node on which every probe failed.
func nothing() capability.Document {
	var d capability.Document
	for _, n := range capability.Names() {
		d = d.With(capability.Fact{Name: n, Detail: "Operation not permitted"})
	}
	return d
}

func TestOneMissingFactIsEnoughToRefuseEachFaultThatNeedsIt(t *testing.T) {
	all := full()
	for _, n := range elsewhere() {
		all = all.With(capability.Fact{Name: n, Present: true})
	}
	needed := map[capability.Name]bool{}
	for _, f := range capability.Faults() {
		if v := all.Judge(f); !v.Possible {
			if len(v.Reasons) != 1 || strings.Contains(v.Reasons[0], "probed") {
				t.Errorf("%s is not possible on a node that has everything: %q", f, v.Reasons)
			}
			continue
		}
		for _, n := range capability.Names() {
			absent := all.With(capability.Fact{Name: n, Detail: "broken"})
			unprobed := capability.Document{Facts: slices.DeleteFunc(slices.Clone(all.Facts), func(f capability.Fact) bool { return f.Name == n })}
			got, other := absent.Judge(f), unprobed.Judge(f)
			if got.Possible != other.Possible {
				t.Errorf("%s: without %s possible is %v, without a probe of it %v", f, n, got.Possible, other.Possible)
			}
			if got.Possible {
				continue
			}
			needed[n] = true
			if len(got.Reasons) != 1 || !strings.Contains(got.Reasons[0], `("broken"); `) {
				t.Errorf("%s without %s: %q", f, n, got.Reasons)
			}
			if len(other.Reasons) != 1 || !strings.HasPrefix(other.Reasons[0], "it was not probed whether ") {
				t.Errorf("%s without a probe of %s: %q", f, n, other.Reasons)
			}
		}
	}
	for _, n := range capability.Names() {
		if !needed[n] {
			t.Errorf("no fault needs %s", n)
		}
	}
}

func TestFaultsAreJudgedAsTheyAreNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		fault    capability.Fault
		possible bool
		reason   string // part of the only one
	}{
		"both stressors need what each of them needs": {
			fault:  capability.Fault{Kind: "StressChaos", Action: "cpu+memory"},
			reason: "lacks memStress",
		},
		"a variant is one of both stressors": {
			fault:  capability.Fault{Kind: "StressChaos", Action: "cpu+memory", Variant: capability.LoweredOOMScore},
			reason: "lacks memStress",
		},
		"several parts of HTTPChaos are one fault":    {fault: capability.Fault{Kind: "HTTPChaos", Action: "delay+patch"}, possible: true},
		"a kind without an action":                    {fault: capability.Fault{Kind: "TimeChaos"}, possible: true},
		"the custom stressors are never sent":         {fault: capability.Fault{Kind: "StressChaos", Action: "stress-ng"}, reason: "never sends stressngStressors"},
		"an action that the schema does not admit":    {fault: capability.Fault{Kind: "PhysicalMachineChaos", Action: "http-abort"}, reason: "does not admit"},
		"a kind that there is not":                    {fault: capability.Fault{Kind: "PodKaos", Action: "pod-kill"}, reason: "has no fault PodKaos/pod-kill"},
		"an action that there is not":                 {fault: capability.Fault{Kind: "PodChaos", Action: "pod-kil"}, reason: "has no fault PodChaos/pod-kil"},
		"an action that is missing":                   {fault: capability.Fault{Kind: "HTTPChaos"}, reason: "has no fault HTTPChaos"},
		"one of two parts that there is not":          {fault: capability.Fault{Kind: "HTTPChaos", Action: "delay+drop"}, reason: "has no fault HTTPChaos/delay+drop"},
		"a joined action of a kind that joins none":   {fault: capability.Fault{Kind: "NetworkChaos", Action: "delay+loss"}, reason: "has no fault NetworkChaos/delay+loss"},
		"a variant that the action does not have":     {fault: capability.Fault{Kind: "StressChaos", Action: "cpu", Variant: capability.Targeted}, reason: "has no fault StressChaos/cpu (targeted)"},
		"a variant that none of the parts has":        {fault: capability.Fault{Kind: "HTTPChaos", Action: "delay+patch", Variant: capability.Targeted}, reason: "has no fault"},
		"a variant of a kind that does one thing":     {fault: capability.Fault{Kind: "TimeChaos", Variant: capability.Targeted}, reason: "has no fault TimeChaos (targeted)"},
		"a pod is killed through the API server only": {fault: capability.Fault{Kind: "PodChaos", Action: "pod-kill"}, possible: true},
	} {
		t.Run(name, func(t *testing.T) {
			v := full().With(capability.Fact{Name: capability.MemStress, Detail: "no memStress"}).Judge(tc.fault)
			if v.Possible != tc.possible {
				t.Errorf("possible is %v: %q", v.Possible, v.Reasons)
			}
			if !tc.possible && (len(v.Reasons) != 1 || !strings.Contains(v.Reasons[0], tc.reason)) {
				t.Errorf("the reasons are %q, not one with %q", v.Reasons, tc.reason)
			}
		})
	}
}

func texts[T ~string](values ...T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// What the pinned API has is what can be judged, no less and no more.
func TestEveryKindAndActionOfTheAPIIsKnown(t *testing.T) {
	want := map[string][]string{
		v1alpha1.KindPodChaos: texts(v1alpha1.PodKillAction, v1alpha1.PodFailureAction, v1alpha1.ContainerKillAction),
		v1alpha1.KindNetworkChaos: texts(v1alpha1.NetemAction, v1alpha1.DelayAction, v1alpha1.LossAction, v1alpha1.DuplicateAction,
			v1alpha1.CorruptAction, v1alpha1.PartitionAction, v1alpha1.BandwidthAction),
		v1alpha1.KindStressChaos: {"cpu", "memory", "stress-ng"},
		v1alpha1.KindIOChaos:     texts(v1alpha1.IoLatency, v1alpha1.IoFaults, v1alpha1.IoAttrOverride, v1alpha1.IoMistake),
		v1alpha1.KindTimeChaos:   {""},
		v1alpha1.KindDNSChaos:    texts(v1alpha1.ErrorAction, v1alpha1.RandomAction),
		v1alpha1.KindHTTPChaos:   {"abort", "delay", "replace", "patch"},
		v1alpha1.KindJVMChaos: texts(v1alpha1.JVMLatencyAction, v1alpha1.JVMReturnAction, v1alpha1.JVMExceptionAction,
			v1alpha1.JVMStressAction, v1alpha1.JVMGCAction, v1alpha1.JVMRuleDataAction, v1alpha1.JVMMySQLAction),
		v1alpha1.KindKernelChaos: {""},
		v1alpha1.KindBlockChaos:  texts(v1alpha1.BlockDelay),
		v1alpha1.KindPhysicalMachineChaos: texts(v1alpha1.PMStressCPUAction, v1alpha1.PMStressMemAction, v1alpha1.PMDiskWritePayloadAction,
			v1alpha1.PMDiskReadPayloadAction, v1alpha1.PMDiskFillAction, v1alpha1.PMNetworkCorruptAction, v1alpha1.PMNetworkDuplicateAction,
			v1alpha1.PMNetworkLossAction, v1alpha1.PMNetworkDelayAction, v1alpha1.PMNetworkPartitionAction, v1alpha1.PMNetworkBandwidthAction,
			v1alpha1.PMNetworkDNSAction, v1alpha1.PMNetworkFloodAction, v1alpha1.PMNetworkDownAction, v1alpha1.PMProcessAction,
			v1alpha1.PMJVMExceptionAction, v1alpha1.PMJVMGCAction, v1alpha1.PMJVMLatencyAction, v1alpha1.PMJVMReturnAction,
			v1alpha1.PMJVMStressAction, v1alpha1.PMJVMRuleDataAction, v1alpha1.PMJVMMySQLAction, v1alpha1.PMClockAction,
			v1alpha1.PMRedisExpirationAction, v1alpha1.PMRedisPenetrationAction, v1alpha1.PMRedisCacheLimitAction,
			v1alpha1.PMRedisSentinelRestartAction, v1alpha1.PMRedisSentinelStopAction, v1alpha1.PMKafkaFillAction,
			v1alpha1.PMKafkaFloodAction, v1alpha1.PMKafkaIOAction, v1alpha1.PMHTTPAbortAction, v1alpha1.PMHTTPDelayAction,
			v1alpha1.PMHTTPConfigAction, v1alpha1.PMHTTPRequestAction, v1alpha1.PMFileCreateAction, v1alpha1.PMFileModifyPrivilegeAction,
			v1alpha1.PMFileDeleteAction, v1alpha1.PMFileRenameAction, v1alpha1.PMFileAppendAction, v1alpha1.PMFileReplaceAction,
			v1alpha1.PMVMAction, v1alpha1.PMUserDefinedAction),
		v1alpha1.KindAWSChaos:   texts(v1alpha1.Ec2Stop, v1alpha1.Ec2Restart, v1alpha1.DetachVolume),
		v1alpha1.KindAzureChaos: texts(v1alpha1.AzureVmStop, v1alpha1.AzureVmRestart, v1alpha1.AzureDiskDetach),
		v1alpha1.KindGCPChaos:   texts(v1alpha1.NodeStop, v1alpha1.NodeReset, v1alpha1.DiskLoss),
	}
	got := map[string][]string{}
	for _, f := range capability.Faults() {
		if f.Variant == "" {
			got[f.Kind] = append(got[f.Kind], f.Action)
		}
	}
	for kind := range v1alpha1.AllKinds() {
		slices.Sort(want[kind])
		slices.Sort(got[kind])
		if diff := cmp.Diff(want[kind], got[kind]); diff != "" {
			t.Errorf("%s (-API +known):\n%s", kind, diff)
		}
		delete(got, kind)
	}
	for kind := range got {
		t.Errorf("the API has no kind %s", kind)
	}
}
