package host

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinksHaveAStateAndASpeedWhereTheDriverSaysSo(t *testing.T) {
	tr := newTree(t)
	const row = ": 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0"
	tr.put("proc/1/net/dev", "eth0"+row, "eth1"+row, "eth2"+row, "eth3"+row, "lo"+row, "odd"+row, "ppp0"+row, "wg\xff"+row)
	link := func(name, state, speed string) {
		tr.put("sys/class/net/"+name+"/operstate", state)
		if speed != "" {
			tr.put("sys/class/net/"+name+"/speed", speed)
		}
	}
	link("eth0", "up", "10000")
	link("eth1", "down", "-1")
	link("eth2", "up", "65535")
	link("eth3", "lowerlayerdown", "fast")
	link("lo", "unknown", "")
	link("odd", "sideways", "10")
	link("wg\xff", "up", "4294967295")
	tr.put("sys/class/net/bonding_masters", "")
	n, rep, err := tr.Network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]*Link)
	for _, i := range n.Interfaces {
		got[i.Name] = i.Link
	}
	want := map[string]*Link{
		"eth0": {State: "up", SpeedBytes: bytes(1_250_000_000)}, "eth1": {State: "down"}, "eth2": {State: "up"},
		"eth3": {State: "lowerlayerdown"}, "lo": {State: "unknown"}, "odd": nil, "ppp0": nil, `wg\xff`: {State: "up"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"speed", "odd"}, skipped(rep)); d != "" || rep.Files != nil {
		t.Errorf("skipped (-want +got):\n%s%+v", d, rep.Files)
	}
	for state, want := range map[string][2]bool{"up": {true, true}, "down": {false, true}, "unknown": {false, false}} {
		if up, known := (Link{State: state}).Up(); up != want[0] || known != want[1] {
			t.Errorf("%s: up %v, known %v", state, up, known)
		}
	}
}

func TestLinksOfAnotherNamespaceAreNotShown(t *testing.T) {
	tr := newTree(t)
	tr.put("proc/1/net/dev", "lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0")
	tr.Host = New(Config{Proc: filepath.Join(tr.root, "proc")}) // and this machine's /sys
	n, rep, err := tr.Network(t.Context())
	if err != nil || n.Interfaces[0].Link != nil {
		t.Errorf("links %+v, %v", n, err)
	}
	if len(rep.Files) != 1 || rep.Files[0].Path != "/sys/class/net" || rep.Files[0].Reason != OtherNamespace {
		t.Errorf("report %+v", rep)
	}
}
