#!/bin/sh
# Says what the chaos daemon can do where it runs, one fact a line:
# NAME<TAB>yes|no<TAB>DETAIL. A fact that is not said was not probed.
#
# Queueing discipline, set, rule and link are made in a network namespace that
# ends with the command that made them: no interface of the node is touched, and
# nothing is left. The kernel may load a module for them, as it would for the
# fault itself.
export LC_ALL=C
export XTABLES_LOCKFILE=/dev/null # or iptables leaves a lock file behind

# say NAME ANSWER DETAIL: the detail becomes one line.
say() {
	fact=$1
	answer=$2
	set -f
	set -- $3
	set +f
	printf '%s\t%s\t%s\n' "$fact" "$answer" "$*"
}

# try NAME COMMAND...: yes if the command succeeds; the detail is what it says.
try() {
	name=$1
	shift
	if out=$("$@" 2>&1 </dev/null); then
		say "$name" yes "$out"
	else
		say "$name" no "${out:-$1 failed}"
	fi
}

# net NAME SCRIPT: tries the script in a network namespace of its own.
net() {
	try "$1" unshare --net sh -ec "$2"
}

# fail MESSAGE: the last words of a failing try.
fail() {
	echo "$1" >&2
	return 1
}

# program NAME: a program that is found by PATH, or by its path if it has a slash.
program() {
	case $1 in
	/*) [ -f "$1" ] && [ -x "$1" ] && echo "$1" || fail "there is no program $1" ;;
	*) command -v "$1" || fail "there is no program $1 in PATH" ;;
	esac
}

# run PROGRAM ARGUMENT...: runs it, and says so if there is none.
run() {
	program "$1" >/dev/null || return
	"$@"
}

# symbol NAME...: functions that the kernel has, under just these names.
symbol() {
	for s; do
		grep -q "[tT] $s\$" /proc/kallsyms || fail "the kernel has no symbol $s" || return
	done
}

# effective BIT: a capability of this process, which has those of the daemon.
effective() {
	[ $((0x${caps:-0} >> $1 & 1)) = 1 ] || fail "the effective capabilities are ${caps:-unknown}"
}

mounted() {
	stat -f -c %T "$1" 2>/dev/null
}

cgroup=
case $(mounted /sys/fs/cgroup) in
cgroup2fs) cgroup=v2 ;;
tmpfs) if [ "$(mounted /sys/fs/cgroup/unified)" = cgroup2fs ]; then cgroup=hybrid; else cgroup=v1; fi ;;
esac
say kernel yes "$(uname -r)"
if [ -n "$cgroup" ]; then say cgroup yes "$cgroup"; else say cgroup no 'there are no control groups at /sys/fs/cgroup'; fi

caps=
while read -r key value; do
	[ "$key" = CapEff: ] && caps=$value
done </proc/self/status

# here PROCESS: one that has the files of this container. On a node of one machine
# with others there may be more daemons.
here() {
	[ "$(readlink "$1/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]
}

daemon=
bpfki=
for f in /proc/[0-9]*/comm; do
	comm=
	{ read -r comm <"$f"; } 2>/dev/null # it may have ended meanwhile
	case $comm in
	chaos-daemon) here "${f%/comm}" && daemon=${f%/comm} ;;
	bpfki) bpfki=${f%/comm} ;;
	esac
done

runtime() {
	[ -n "$daemon" ] || fail 'there is no process chaos-daemon in this container' || return
	socket=$(tr '\0' '\n' <"$daemon/cmdline" |
		sed -n -e '/^--*runtime-socket-path$/{n;p;}' -e 's/^--*runtime-socket-path=//p')
	[ -n "$socket" ] || fail 'the chaos daemon runs without --runtime-socket-path' || return
	[ -S "$socket" ] && echo "$socket" || fail "$socket is no socket"
}
try container-runtime runtime

# nsexec may succeed though its command does not, so what counts is the output.
enter() {
	said=$(run /usr/local/bin/nsexec -n /proc/self/ns/net -- echo entered) || return
	[ "$said" = entered ] || fail 'nsexec did not run a command'
}
try nsexec enter
# A program of the daemon's image, run with the files of another mount namespace.
local_mount() {
	said=$(run /usr/local/bin/nsexec -l -m /proc/1/ns/mnt -- cdh --help) || return
	case $said in *cdh*) ;; *) fail 'nsexec -l did not run cdh' ;; esac
}
try nsexec-local local_mount

interfaces() {
	ip -j addr show >/dev/null
}
try ip interfaces
try tc program tc
net netem 'tc qdisc add dev lo root handle 1: netem delay 1ms 1ms 25 loss 1 25 duplicate 1 25 corrupt 1 25 rate 1mbit'
net prio 'tc qdisc add dev lo root handle 1: prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1'
net sfq 'tc qdisc add dev lo root handle 1: sfq'
net tbf 'tc qdisc add dev lo root handle 1: tbf rate 1mbit burst 10000 limit 20000'

sets='ipset create n hash:net; ipset create p hash:net,port; ipset create s list:set
ipset add n 192.0.2.1/32; ipset add p 192.0.2.1/32,80; ipset add s n; ipset add s p'
chain='iptables -w 5 -N C; iptables -w 5 -A OUTPUT -j C; iptables -w 5 -A C -o lo'
net ipset "$sets"
net iptables "$chain -j DROP"
net iptables-set "$sets
$chain -m set --match-set s dst,dst -j DROP"
net iptables-classify "$chain -j CLASSIFY --set-class 1:4"


# What tproxy builds around a pod: a bridge with a pair of links, and the rules
# that send TCP into it.
net bridge 'ip link add name b type bridge; ip link add v type veth peer name w
ip link set v master b; ip link set w up; ip link set lo up
arp -s 192.0.2.1 02:00:00:00:00:01 -i w
ip rule add fwmark 1 lookup 100; ip route add local 0.0.0.0/0 dev lo table 100
sysctl -qw net.ipv4.ip_forward=1'
net iptables-tproxy 'mangle="iptables -w 5 -t mangle"
$mangle -N D; $mangle -A PREROUTING -p tcp -m socket -j D; $mangle -A D -j MARK --set-mark 1
$mangle -A PREROUTING -p tcp -m multiport --dports 80 -j TPROXY --tproxy-mark 0x1/0x1 --on-port 58080'
net ebtables-broute 'ebtables-legacy -t broute -A BROUTING -p IPv4 --ip-proto 6 -j redirect --redirect-target DROP'
try tproxy program /usr/local/bin/tproxy

# A process of a stressor is put into the control groups of its target.
attach() {
	if [ "$cgroup" = v2 ]; then
		nsenter --cgroup --target 1 -- sh -c '[ -w "$0" ]' /host-sys/fs/cgroup/cgroup.procs ||
			fail '/host-sys/fs/cgroup/cgroup.procs cannot be written from the control group namespace of process 1'
		return
	fi
	for c in cpu memory; do
		[ -w "/host-sys/fs/cgroup/$c/cgroup.procs" ] || fail "/host-sys/fs/cgroup/$c/cgroup.procs cannot be written" || return
	done
	# It is put into every hierarchy that has a directory: one that is not mounted has
	# no group of the target, and the daemon gives up there.
	for c in systemd freezer pids net_cls net_prio perf_event cpuset cpuacct blkio rdma devices hugetlb; do
		[ -d "/host-sys/fs/cgroup/$c" ] || continue
		grep -Eq "^[0-9]+:(.*,)?(name=)?$c(,.*)?:" /proc/1/cgroup ||
			fail "/host-sys/fs/cgroup/$c is there, and no process has a control group in it" || return
	done
}
try cgroup-attach attach
try pause program /usr/local/bin/pause
try stress-ng run stress-ng --version
# Whose program it is, if it says so; upstream's knows no such flag and ends.
mem_stress() {
	program memStress || return
	memStress --version 2>/dev/null || :
}
try memStress mem_stress
try cap-sys-resource run choom -n -1000 -- true

fuse() {
	if [ -e /dev/fuse ]; then
		(: <>/dev/fuse)
		return
	fi
	d=$(mktemp -d) || return
	mknod "$d/fuse" c 10 229 && (: <>"$d/fuse")
	status=$?
	rm -r "$d"
	return "$status"
}
try fuse fuse
try toda program /usr/local/bin/toda

ptrace() {
	effective 19 || return
	scope=$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null)
	[ "$scope" != 3 ] || fail 'kernel.yama.ptrace_scope is 3'
}
try cap-sys-ptrace ptrace

# The objects of the fake clocks are embedded in the daemon. An object ends each
# name in its table of symbols with a zero byte; the daemon's own text does not.
fakeclock() {
	daemon=$(program /usr/local/bin/chaos-daemon) || return
	for s in fake_clock_gettime fake_gettimeofday; do
		grep -qzaxF "$s" "$daemon" || fail "$daemon holds no object with the symbol $s" || return
	done
}
try fakeclock fakeclock

byteman() {
	[ "${BYTEMAN_HOME-}" = /usr/local/byteman ] || fail "BYTEMAN_HOME is '${BYTEMAN_HOME-}', not /usr/local/byteman" || return
	for jar in byteman byteman-helper chaos-agent; do
		[ -r "$BYTEMAN_HOME/lib/$jar.jar" ] || fail "there is no $BYTEMAN_HOME/lib/$jar.jar" || return
	done
	for p in bminstall.sh bmsubmit.sh; do
		program "$p" || return
	done
	[ -x "${JAVA_HOME-}/bin/java" ] || program java
}
try byteman byteman

kprobes() {
	symbol register_kprobe || return
	[ -e /sys/bus/event_source/devices/kprobe ] || fail 'the kernel has no kprobe events: no /sys/bus/event_source/devices/kprobe'
}
try kprobes kprobes
try bpf-override symbol bpf_override_return
try error-injection symbol should_failslab should_fail_alloc_page should_fail_bio
if [ -n "$bpfki" ]; then say bpfki yes "process ${bpfki#/proc/}"; else say bpfki no 'there is no process bpfki'; fi

driver() {
	[ -c /dev/chaos ] || fail 'there is no /dev/chaos'
}
try chaos-driver driver
ioem() {
	grep -l ioem /sys/block/*/queue/scheduler 2>/dev/null || fail 'no block device offers the scheduler ioem'
}
try ioem ioem

# Outside the daemon's container there may be a DNS server that nothing here
# shows: only a resolver of the cluster that does not know its name is a no.
dns=chaos-mesh-dns-server
if [ -n "${CHAOS_MESH_DNS_SERVER_SERVICE_HOST-}" ]; then
	say "$dns" yes "service at $CHAOS_MESH_DNS_SERVER_SERVICE_HOST"
elif grep -qs '^search.*[.]svc[.]' /etc/resolv.conf; then
	try "$dns" getent hosts "$dns"
fi
exit 0
