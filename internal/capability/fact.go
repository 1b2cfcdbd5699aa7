package capability

import (
	"fmt"
	"slices"
)

// Name names a fact.
type Name string

// What faults need of the kernel and of the rights of the chaos daemon.
const (
	Netem            Name = "netem"             // queueing discipline
	Prio             Name = "prio"              // queueing discipline
	SFQ              Name = "sfq"               // queueing discipline
	TBF              Name = "tbf"               // queueing discipline
	IPSet            Name = "ipset"             // sets of addresses, and sets of sets
	IPTables         Name = "iptables"          // chains and rules of the table filter
	IPTablesSet      Name = "iptables-set"      // match on a set
	IPTablesClassify Name = "iptables-classify" // target CLASSIFY
	IPTablesTProxy   Name = "iptables-tproxy"   // target TPROXY, matches socket and multiport
	EbtablesBroute   Name = "ebtables-broute"   // table broute
	Bridge           Name = "bridge"            // bridge, veth, policy routing
	Fuse             Name = "fuse"              // /dev/fuse
	Kprobes          Name = "kprobes"           // kprobes and their events
	BPFOverride      Name = "bpf-override"      // CONFIG_BPF_KPROBE_OVERRIDE
	ErrorInjection   Name = "error-injection"   // functions that may be made to fail
	ChaosDriver      Name = "chaos-driver"      // kernel module chaos_driver
	IOEM             Name = "ioem"              // I/O scheduler of chaos_driver
	CapSysResource   Name = "cap-sys-resource"  // may lower oom_score_adj
	CapSysPtrace     Name = "cap-sys-ptrace"    // may trace processes of others
	CgroupAttach     Name = "cgroup-attach"     // may put processes into control groups of the node
)

// What faults need beside the kernel: programs in the image of the chaos daemon,
// and processes next to it.
const (
	ContainerRuntime Name = "container-runtime" // its socket, as configured for the daemon
	Nsexec           Name = "nsexec"            // runs commands in namespaces of the target
	NsexecLocal      Name = "nsexec-local"      // nsexec -l: with programs of the daemon's image
	IP               Name = "ip"
	TC               Name = "tc"
	Pause            Name = "pause"
	StressNG         Name = "stress-ng"
	MemStress        Name = "memStress"
	Toda             Name = "toda"
	TProxy           Name = "tproxy"
	FakeClock        Name = "fakeclock" // objects embedded in the daemon
	Byteman          Name = "byteman"   // scripts, jars and a Java runtime
	BPFKI            Name = "bpfki"     // process of the image chaos-kernel
	DNSServer        Name = "chaos-mesh-dns-server"
)

// What no node shows. Probe never reports these: a caller that knows them adds
// them with [Document.With].
const (
	AWSCredentials   Name = "aws-credentials"
	AzureCredentials Name = "azure-credentials"
	GCPCredentials   Name = "gcp-credentials"
	Chaosd           Name = "chaosd" // agent on a machine outside of the cluster
)

// Names lists every fact that faults depend on, in the order of Chaos Mesh's own
// use of them.
func Names() []Name {
	var out []Name
	for _, e := range catalogue() {
		out = append(out, e.name)
	}
	return out
}

// entry says what a fact means, in parts of sentences.
type entry struct {
	name  Name
	holds string // what is so if it is present: "tc can …"
	lacks string // what is so if it is not: "tc cannot …"
	mend  string // how to have it
	// elsewhere is true for what no node shows. Its fix is printed also when it was
	// not probed, as probing again would not help.
	elsewhere bool
}

// catalogue is the meaning of every fact. It is short enough to be made anew for
// each question.
func catalogue() []entry {
	network := func(name Name, what, mend string) entry {
		return entry{
			name: name, holds: what + " works in a network namespace of the node",
			lacks: what + " does not work in a network namespace of the node", mend: mend,
		}
	}
	module := func(name Name, what, module string) entry {
		return network(name, what, "load the kernel module "+module+", or use a node image whose kernel has it")
	}
	program := func(name Name, path string) entry {
		return entry{
			name: name, holds: "the chaos daemon's image has " + path, lacks: "the chaos daemon's image lacks " + path,
			mend: "use an image that has it, as the one of the Chaos Mesh project does",
		}
	}
	credentials := func(name Name, cloud string) entry {
		return entry{
			name: name, holds: "the chaos controller has credentials of " + cloud, lacks: "the chaos controller has no credentials of " + cloud,
			mend: "they are not a capability of a node: name a Secret that holds them in the fault's spec.secretName", elsewhere: true,
		}
	}
	return []entry{
		{
			name: ContainerRuntime, holds: "the chaos daemon reaches the container runtime", lacks: "the chaos daemon does not reach the container runtime",
			mend: "set chaosDaemon.runtime and chaosDaemon.socketPath of the chart to those of the node",
		},
		{
			name: Nsexec, holds: "nsexec enters a namespace", lacks: "nsexec does not enter a namespace",
			mend: "use an image of the chaos daemon that has /usr/local/bin/nsexec, and run the daemon privileged",
		},
		{
			name: NsexecLocal, holds: "nsexec -l runs a program of the chaos daemon's image in another mount namespace",
			lacks: "nsexec -l does not run a program of the chaos daemon's image in another mount namespace",
			mend:  "use an image that has the nsexec of the Chaos Mesh project with its libnsenter.so, and cdh",
		},
		{name: IP, holds: "ip -j lists interfaces", lacks: "ip -j does not list interfaces", mend: "install iproute2 in the chaos daemon's image"},
		{name: TC, holds: "the chaos daemon's image has tc", lacks: "the chaos daemon's image lacks tc", mend: "install iproute2 in it"},
		network(IPTables, "the table filter of iptables",
			"install iptables in the chaos daemon's image, and load iptable_filter, or nf_tables if iptables is built on it"),
		module(Netem, "the queueing discipline netem", "sch_netem"),
		module(TBF, "the queueing discipline tbf", "sch_tbf"),
		module(Prio, "the queueing discipline prio", "sch_prio"),
		module(SFQ, "the queueing discipline sfq", "sch_sfq"),
		network(IPSet, "ipset with sets of networks, of ports and of sets",
			"install ipset in the chaos daemon's image, and load ip_set_hash_net, ip_set_hash_netport and ip_set_list_set"),
		module(IPTablesSet, "the match set of iptables", "xt_set"),
		module(IPTablesClassify, "the target CLASSIFY of iptables", "xt_CLASSIFY"),
		{
			name: CgroupAttach, holds: "the chaos daemon may put a process into control groups of the node",
			lacks: "the chaos daemon may not put a process into control groups of the node",
			mend:  "run it privileged, with the PID namespace of the node and its /sys mounted at /host-sys, as the chart does",
		},
		program(Pause, "/usr/local/bin/pause"),
		program(StressNG, "stress-ng"),
		program(MemStress, "memStress"),
		{
			name: CapSysResource, holds: "the chaos daemon may lower an oom_score_adj", lacks: "the chaos daemon may not lower an oom_score_adj",
			mend: "give it CAP_SYS_RESOURCE, on a node that has it itself, or leave memory.oomScoreAdj at 0",
		},
		{
			name: CapSysPtrace, holds: "the chaos daemon may trace the processes of others", lacks: "the chaos daemon may not trace the processes of others",
			mend: "give it CAP_SYS_PTRACE, and keep kernel.yama.ptrace_scope of the node below 3",
		},
		{
			name: Fuse, holds: "the device of FUSE opens", lacks: "the device of FUSE does not open",
			mend: "load the kernel module fuse, and run the chaos daemon privileged",
		},
		program(Toda, "/usr/local/bin/toda"),
		{
			name: FakeClock, holds: "the chaos daemon embeds the objects of its fake clocks", lacks: "the chaos daemon embeds no objects of fake clocks",
			mend: "compile fake_clock_gettime.c and fake_gettimeofday.c before the daemon is built, as make does there",
		},
		program(TProxy, "/usr/local/bin/tproxy"),
		network(Bridge, "a bridge as tproxy builds it",
			"install iproute2, net-tools and procps in the chaos daemon's image, and load bridge and veth"),
		network(IPTablesTProxy, "the target TPROXY of iptables",
			"load iptable_mangle, xt_TPROXY, xt_socket and xt_multiport, or use a node image whose kernel has them"),
		network(EbtablesBroute, "the table broute of ebtables-legacy",
			"install ebtables in the chaos daemon's image, and load ebtable_broute"),
		{
			name: DNSServer, holds: "the DNS server of Chaos Mesh is installed", lacks: "the DNS server of Chaos Mesh is not installed",
			mend: "set dnsServer.create of the chart",
		},
		{
			name: Byteman, holds: "the chaos daemon's image has Byteman and Java", lacks: "the chaos daemon's image lacks Byteman or Java",
			mend: "use an image that has the Byteman of the Chaos Mesh project in /usr/local/byteman and a Java runtime",
		},
		{
			name: BPFKI, holds: "bpfki runs on the node", lacks: "bpfki does not run on the node",
			mend: "set bpfki.create of the chart",
		},
		{
			name: Kprobes, holds: "the kernel has kprobes", lacks: "the kernel has no kprobes",
			mend: "use a node image whose kernel is built with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS",
		},
		{
			name: BPFOverride, holds: "BPF may override what a function of the kernel returns", lacks: "BPF may not override what a function of the kernel returns",
			mend: "use a node image whose kernel is built with CONFIG_BPF_KPROBE_OVERRIDE",
		},
		{
			name: ErrorInjection, holds: "the kernel has the functions that KernelChaos lets fail", lacks: "the kernel lacks a function that KernelChaos lets fail",
			mend: "use a node image whose kernel is built with CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC",
		},
		{
			name: IOEM, holds: "a block device offers the I/O scheduler ioem", lacks: "no block device offers the I/O scheduler ioem",
			mend: "load the kernel module chaos_driver of the Chaos Mesh project",
		},
		{
			name: ChaosDriver, holds: "the kernel module chaos_driver is there", lacks: "the kernel module chaos_driver is not there",
			mend: "install it from the project chaos-driver of Chaos Mesh and load it",
		},
		credentials(AWSCredentials, "AWS"),
		credentials(AzureCredentials, "Azure"),
		credentials(GCPCredentials, "Google Cloud"),
		{
			name: Chaosd, holds: "chaosd runs on the machine", lacks: "chaosd does not run on the machine",
			mend: "the machine is not a node of the cluster: install chaosd there and name it in the fault's spec.address or by a PhysicalMachine", elsewhere: true,
		},
	}
}

func known(name Name) bool {
	return slices.ContainsFunc(catalogue(), func(e entry) bool { return e.name == name })
}

// reason is why the document does not show this fact to be present, in one
// sentence; empty if it does.
func (e entry) reason(d Document) string {
	f, probed := d.Fact(e.name)
	switch {
	case !probed && e.elsewhere:
		return fmt.Sprintf("it was not probed whether %s; %s", e.holds, e.mend)
	case !probed:
		return "it was not probed whether " + e.holds
	case f.Present:
		return ""
	default:
		return fmt.Sprintf("%s (%q); %s", e.lacks, f.Detail, e.mend)
	}
}
