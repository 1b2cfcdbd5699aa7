package capability

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is a kind of Chaos Mesh with one of its actions.
type Fault struct {
	Kind string // PodChaos, NetworkChaos, …
	// Action is empty for kinds that do one thing only, TimeChaos and KernelChaos.
	// StressChaos and HTTPChaos have no field of that name: theirs are the parts
	// that are given, joined by "+": cpu, memory, cpu+memory, stress-ng; abort,
	// delay, replace, patch.
	Action  string
	Variant Variant
}

// String is kind/action, with the variant in brackets.
func (f Fault) String() string {
	s := f.Kind
	if f.Action != "" {
		s += "/" + f.Action
	}
	if f.Variant != "" {
		s += " (" + string(f.Variant) + ")"
	}
	return s
}

// Variant is what makes the same action need more.
type Variant string

// The variants of actions. Without one an action has neither.
const (
	// Targeted is a NetworkChaos with spec.target or spec.externalTargets: only
	// traffic with these peers is hit.
	Targeted Variant = "targeted"
	// LoweredOOMScore is a StressChaos whose memory.oomScoreAdj is negative.
	LoweredOOMScore Variant = "lowered-oom-score"
)

// Verdict is whether a fault can be injected.
type Verdict struct {
	Possible bool
	// Reasons says in one sentence each what is missing and how to mend it. It is
	// empty if and only if the fault is possible.
	Reasons []string
}

// Faults lists every action of every kind of Chaos Mesh with its variants, kind
// by kind, as Chaos Mesh at 47411975a8cb (2026-09-02) has them.
func Faults() []Fault {
	var out []Fault
	for _, r := range rows() {
		out = append(out, r.fault)
	}
	return out
}

// Judge says whether the node of the document can inject the fault. A fact that
// was not probed counts as missing. Actions that are joined by "+" need what all
// of them need; the variant has to be one of at least one of them.
func (d Document) Judge(f Fault) Verdict {
	parts := []string{f.Action}
	if f.Kind == "StressChaos" || f.Kind == "HTTPChaos" {
		parts = strings.Split(f.Action, "+")
	}
	var needs []Name
	var reasons []string
	varied := false
	for _, action := range parts {
		r, ok := find(Fault{Kind: f.Kind, Action: action, Variant: f.Variant})
		varied = varied || ok
		if !ok && len(parts) > 1 {
			r, ok = find(Fault{Kind: f.Kind, Action: action})
		}
		if !ok {
			return unknown(f)
		}
		if r.never != "" {
			reasons = append(reasons, r.never)
		}
		for _, n := range r.needs {
			if !slices.Contains(needs, n) {
				needs = append(needs, n)
			}
		}
	}
	if !varied {
		return unknown(f)
	}
	entries := catalogue()
	for _, n := range needs {
		i := slices.IndexFunc(entries, func(e entry) bool { return e.name == n })
		if why := entries[i].reason(d); why != "" {
			reasons = append(reasons, why)
		}
	}
	return Verdict{Possible: len(reasons) == 0, Reasons: reasons}
}

func unknown(f Fault) Verdict {
	return Verdict{Reasons: []string{fmt.Sprintf("Chaos Mesh has no fault %s", f)}}
}

func find(f Fault) (row, bool) {
	for _, r := range rows() {
		if r.fault == f {
			return r, true
		}
	}
	return row{}, false
}

// row is a fault with what it needs.
type row struct {
	fault Fault
	needs []Name
	never string // why Chaos Mesh itself cannot do it anywhere
}

// rows is the table of faults. The comments name the sources of Chaos Mesh that
// each line was read from.
func rows() []row {
	var out []row
	add := func(kind string, actions []string, needs ...[]Name) {
		for _, a := range actions {
			out = append(out, row{fault: Fault{Kind: kind, Action: a}, needs: slices.Concat(needs...)})
		}
	}
	one := []string{""}

	// controllers/chaosimpl/podchaos: pod-kill deletes the pod and pod-failure
	// changes its images, both through the API server; container-kill asks the
	// container runtime.
	add("PodChaos", []string{"pod-kill", "pod-failure"})
	runtime := []Name{ContainerRuntime}
	add("PodChaos", []string{"container-kill"}, runtime)

	// pkg/bpm/build_linux.go: whatever enters a namespace goes through nsexec.
	// pkg/chaosdaemon/crclients: whose namespace it is, the runtime tells.
	enter := slices.Concat(runtime, []Name{Nsexec})

	out = append(out, network(enter)...)

	// pkg/chaosdaemon/stress_server_linux.go: pause starts stress-ng, or memStress,
	// in the PID namespace of the target, and cgroups/attach_cgroup.go moves it.
	// An oom_score_adj is set by choom around it.
	stress := slices.Concat(enter, []Name{CgroupAttach, Pause})
	add("StressChaos", []string{"cpu"}, stress, []Name{StressNG})
	add("StressChaos", []string{"memory"}, stress, []Name{MemStress})
	out = append(out,
		row{
			fault: Fault{Kind: "StressChaos", Action: "memory", Variant: LoweredOOMScore},
			needs: slices.Concat(stress, []Name{MemStress, CapSysResource}),
		},
		// controllers/chaosimpl/stresschaos/impl.go reads stressngStressors only to
		// leave out the stressors of the other field.
		row{
			fault: Fault{Kind: "StressChaos", Action: "stress-ng"},
			never: "the chaos controller never sends stressngStressors to a node; give stressors.cpu or stressors.memory instead",
		})

	// pkg/chaosdaemon/iochaos_server.go: toda is run in the mount and PID namespace
	// of the target, from the files of the daemon. It mounts a file system of FUSE,
	// and replaces open files by ptrace.
	add("IOChaos", []string{"latency", "fault", "attrOverride", "mistake"}, enter, []Name{NsexecLocal, Toda, Fuse, CapSysPtrace})

	// pkg/time: the daemon writes a fake clock_gettime and gettimeofday, embedded
	// from fakeclock/*.o, into the target by ptrace.
	add("TimeChaos", one, runtime, []Name{FakeClock, CapSysPtrace})

	// controllers/chaosimpl/dnschaos asks the DNS server to answer wrongly, and
	// pkg/chaosdaemon/dns_server.go writes its address into the target's resolv.conf.
	add("DNSChaos", []string{"error", "random"}, enter, []Name{DNSServer})

	// pkg/chaosdaemon/httpchaos_server.go: tproxy is run in the network and PID
	// namespace of the target. It puts a bridge before the pod's interface and
	// turns its TCP aside.
	add("HTTPChaos", []string{"abort", "delay", "replace", "patch"}, enter, []Name{TProxy, Bridge, IPTablesTProxy, EbtablesBroute})

	// pkg/chaosdaemon/jvm_server.go: the agent and the rules of Byteman.
	add("JVMChaos", []string{"latency", "return", "exception", "stress", "gc", "ruleData", "mysql"}, enter, []Name{Byteman})

	// controllers/chaosimpl/kernelchaos asks bpfki, the image chaos-kernel, which
	// overrides should_failslab, should_fail_alloc_page or should_fail_bio by BPF.
	add("KernelChaos", one, runtime, []Name{BPFKI, Kprobes, BPFOverride, ErrorInjection})

	// pkg/chaosdaemon/blockchaos_server_linux.go: cdh finds the device with the
	// files of the node, /dev/chaos takes the order, and the scheduler ioem delays.
	add("BlockChaos", []string{"delay"}, enter, []Name{NsexecLocal, IOEM, ChaosDriver})

	// controllers/chaosimpl/physicalmachinechaos asks an agent outside of the cluster.
	add("PhysicalMachineChaos", []string{
		"stress-cpu", "stress-mem", "disk-write-payload", "disk-read-payload", "disk-fill",
		"network-corrupt", "network-duplicate", "network-loss", "network-delay", "network-partition",
		"network-bandwidth", "network-dns", "network-flood", "network-down", "process",
		"jvm-exception", "jvm-gc", "jvm-latency", "jvm-return", "jvm-stress", "jvm-rule-data", "jvm-mysql", "clock",
		"redis-expiration", "redis-penetration", "redis-cacheLimit", "redis-restart", "redis-stop",
		"kafka-fill", "kafka-flood", "kafka-io",
		"file-create", "file-modify", "file-delete", "file-rename", "file-append", "file-replace", "vm", "user_defined",
	}, []Name{Chaosd})
	for _, a := range []string{"http-abort", "http-delay", "http-config", "http-request"} {
		// The constants exist; the enumeration of spec.action lacks them.
		out = append(out, row{
			fault: Fault{Kind: "PhysicalMachineChaos", Action: a},
			never: "the schema of PhysicalMachineChaos does not admit the action " + a + "; use HTTPChaos on a pod",
		})
	}

	// controllers/chaosimpl/{aws,azure,gcp}chaos call the API of the cloud.
	add("AWSChaos", []string{"ec2-stop", "ec2-restart", "detach-volume"}, []Name{AWSCredentials})
	add("AzureChaos", []string{"vm-stop", "vm-restart", "disk-detach"}, []Name{AzureCredentials})
	add("GCPChaos", []string{"node-stop", "node-reset", "disk-loss"}, []Name{GCPCredentials})
	return out
}

// network is the rows of NetworkChaos.
//
// controllers/podnetworkchaos/controller.go sets ipsets, iptables and tc for every
// action, though with empty lists: pkg/chaosdaemon/iptables_server.go makes its
// chains even so, and tc_server.go lists the interfaces with ip and clears each
// with tc. Peers are chosen by a set. In tc_server.go a rule that is aimed at them
// hangs below a prio, whose other bands are sfq, and iptables classifies into it.
func network(enter []Name) []row {
	var out []row
	add := func(action string, needs []Name, targeted ...Name) {
		needs = slices.Concat(enter, []Name{IPTables, IP, TC}, needs)
		out = append(out,
			row{fault: Fault{Kind: "NetworkChaos", Action: action}, needs: needs},
			row{fault: Fault{Kind: "NetworkChaos", Action: action, Variant: Targeted}, needs: slices.Concat(needs, targeted)})
	}
	for _, a := range []string{"netem", "delay", "loss", "duplicate", "corrupt"} {
		add(a, []Name{Netem}, IPSet, IPTablesSet, Prio, SFQ, IPTablesClassify)
	}
	add("bandwidth", []Name{TBF}, IPSet, IPTablesSet, Prio, SFQ, IPTablesClassify)
	add("partition", nil, IPSet, IPTablesSet)
	return out
}
