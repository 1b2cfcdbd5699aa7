package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

type object = map[string]any

// machine returns a snapshot with so many processors and disks.
func machine(cores, disks int) object {
	var processors, devices, filesystems []any
	for i := range cores {
		busy := float64(i*37%1000) / 10
		processors = append(processors, object{"id": fmt.Sprint(i), "percent": object{
			"busy": busy, "user": busy * 0.7, "system": busy * 0.3, "iowait": float64(i%13) / 10, "steal": 0.0,
		}, "frequencyHertz": 2.4e9 + float64(i*i%977)*1e6})
	}
	for i := range disks {
		name := fmt.Sprintf("sd%c%c", 'a'+i/26, 'a'+i%26)
		moved := object{"bytes": float64(i*i) * 1e9, "requests": float64(i * 77777), "seconds": 1.5}
		devices = append(devices, object{"name": name, "read": moved, "write": moved, "inProgress": 0.0, "busySeconds": float64(i) * 123.4})
		filesystems = append(filesystems, object{
			"mountpoint": "/data/" + name, "device": "/dev/" + name, "type": "xfs", "readOnly": false,
			"usage": object{"sizeBytes": 4e12, "usedBytes": 4e10 * float64(i), "availableBytes": 4e12 - 4e10*float64(i), "usedPercent": float64(i), "inodesFree": 1e6},
		})
	}
	return object{"readings": object{
		"cpu":  object{"state": "ok", "sampledAt": "2026-03-01T00:00:00Z", "data": object{"percent": object{"busy": 49.9}, "cores": processors}},
		"disk": object{"state": "ok", "sampledAt": "2026-03-01T00:00:00Z", "data": object{"filesystems": filesystems, "devices": devices}},
	}}
}

func rendered(t testing.TB, snapshot any, change func(*Page)) []byte {
	t.Helper()
	encoded, err := json.Marshal(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	p := Page{Snapshot: encoded, Collectors: []string{"cpu", "memory", "disk", "network", "cgroup", "system"}, Interval: time.Second, Version: "v1 abc", Now: formatsAt().Add(3 * time.Second)}
	if change != nil {
		change(&p)
	}
	b, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parsed(t testing.TB, page []byte) *html.Node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// table returns the rows of a section as texts.
func table(t *testing.T, root *html.Node, id string) [][]string {
	t.Helper()
	var list [][]string
	for n := range root.Descendants() {
		if n.Data != "section" || attribute(n, "id") != id {
			continue
		}
		for tr := range n.Descendants() {
			if tr.Data != "tr" || tr.Type != html.ElementNode {
				continue
			}
			var cells []string
			for cell := range tr.ChildNodes() {
				cells = append(cells, text(cell))
			}
			list = append(list, cells)
		}
	}
	return list
}

func TestThePageSaysWhatThereIsWithoutAScript(t *testing.T) {
	s := object{
		"readings": object{
			"memory": object{"state": "stale", "sampledAt": "2026-03-01T00:00:00Z", "error": "no answer", "data": object{
				"totalBytes": 8 << 30, "usedBytes": 2 << 30, "usedPercent": 25, "swap": object{},
			}, "unreadable": []any{object{"path": "/proc/vmstat", "reason": "missing", "detail": "no such file"}}},
			"network": object{"state": "ok", "sampledAt": "2026-03-01T00:00:02Z", "scopes": []any{object{"figures": "interfaces", "host": false, "detail": "mount /proc"}}, "data": object{"interfaces": []any{
				object{"name": "eth0", "link": object{"state": "up", "speedBytesPerSecond": 125e6}, "receive": object{"bytes": 1024, "errors": 1, "dropped": 2}, "transmit": object{"bytes": 2048, "errors": 3, "dropped": 4}},
			}}},
			"system": object{"state": "ok", "sampledAt": "2026-03-01T00:00:02Z", "data": object{"hostname": "node-1", "bootTime": "2026-02-28T23:00:00Z"}},
		},
		"missing": []any{object{"collector": "disk", "state": "failed", "error": "permission denied"}},
	}
	root := parsed(t, rendered(t, s, func(p *Page) {
		p.Newest = map[string]map[string]float64{"network.received_bytes_per_second": {"eth0": 2048, "": 2048}}
	}))
	for id, want := range map[string][]string{
		"interfaces": {"eth0", "up", "1 Gbit/s", "2 KiB/s", none, "1 KiB", "2 KiB", "1", "3", "2", "4"},
		"memory":     {"Used", "2 GiB", "25.0%"},
		"collectors": {"memory", "stale", "3 s", "no answer"},
		"unreadable": {"/proc/vmstat", "memory", "missing", "no such file"},
		"scopes":     {"interfaces", "this container's", "mount /proc"},
		"system":     {"Up for", "1 h 0 min"},
		"truths":     {"Share of it", "25.0%", none},
	} {
		if got := table(t, root, id); !slices.ContainsFunc(got, func(row []string) bool { return slices.Equal(row, want) }) {
			t.Errorf("%s has no row %q: %q", id, want, got)
		}
	}
	if got := table(t, root, "collectors"); !slices.ContainsFunc(got, func(row []string) bool {
		return slices.Equal(row, []string{"disk", "failed", none, "permission denied"})
	}) {
		t.Errorf("a collector without a reading is not shown: %q", got)
	}
	if !strings.Contains(text(root), "node-1") || !strings.Contains(text(root), "2026-03-01 00:00:03 UTC") {
		t.Error("neither host nor time is shown")
	}
}

func TestThePageShowsOnlyWhatIsCollected(t *testing.T) {
	root := parsed(t, rendered(t, object{"readings": object{}}, func(p *Page) { p.Collectors = []string{"memory"} }))
	var sections []string
	for n := range root.Descendants() {
		if n.Data == "section" {
			sections = append(sections, attribute(n, "id"))
		}
	}
	if want := []string{"charts", "heat", "memory", "collectors", "unreadable", "scopes"}; !slices.Equal(sections, want) {
		t.Errorf("sections %q, want %q", sections, want)
	}
}

func TestThePageNeedsNothingThatItsPolicyForbids(t *testing.T) {
	s := machine(2, 2)
	hostile := `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	first, ok := list(s, "readings.disk.data.devices")[0].(object)
	if !ok {
		t.Fatal("the machine has no disk")
	}
	first["name"] = hostile
	page := rendered(t, s, func(p *Page) { p.Version = hostile })
	root := parsed(t, page)
	ids := map[string]bool{}
	scripts := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script":
			if scripts++; attribute(n, "src") != "assets/page.js" || n.FirstChild != nil {
				t.Errorf("a script: %v %s", n.Attr, text(n))
			}
		case "style", "img", "iframe", "object", "base", "form":
			t.Errorf("the page has a %s", n.Data)
		case "th":
			if attribute(n, "scope") == "" {
				t.Errorf("a heading without a scope: %s", text(n))
			}
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "style", strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
			case a.Key == "href" || a.Key == "src":
				if strings.Contains(a.Val, ":") || strings.HasPrefix(a.Val, "/") {
					t.Errorf("<%s> leads to %q, which a prefix before the path would break", n.Data, a.Val)
				}
			case a.Key == "id":
				if ids[a.Val] {
					t.Errorf("two elements are %q", a.Val)
				}
				ids[a.Val] = true
			}
		}
	}
	if scripts != 1 {
		t.Errorf("%d scripts", scripts)
	}
	if !strings.Contains(text(root), hostile) {
		t.Error("a name is not shown as it is")
	}
}

func TestALargeMachineIsUnder60Kilobytes(t *testing.T) {
	packed := func(b []byte) int {
		var out bytes.Buffer
		w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed) // as the server packs
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Len()
	}
	page := rendered(t, machine(1024, 100), nil)
	sizes := []int{packed(page)}
	total := sizes[0]
	for _, a := range Assets() {
		sizes = append(sizes, packed(a.Body))
		total += sizes[len(sizes)-1]
	}
	t.Logf("page %d bytes as it is; packed, and its files: %v, together %d", len(page), sizes, total)
	if total >= 60_000 {
		t.Errorf("%d bytes are transferred", total)
	}
}

func TestASnapshotThatIsNoneIsAnError(t *testing.T) {
	if _, err := Render(Page{Snapshot: []byte("{")}); err == nil {
		t.Error("half a snapshot was rendered")
	}
}

func BenchmarkRenderALargeMachine(b *testing.B) {
	s := machine(1024, 100)
	b.ReportAllocs()
	for b.Loop() {
		rendered(b, s, nil)
	}
}
