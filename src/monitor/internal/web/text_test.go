package web

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestTextIsAlignedAndHarmless(t *testing.T) {
	s := object{
		"readings": object{
			"cpu":    object{"state": "ok", "data": object{"percent": object{"busy": 12.5}, "cores": []any{object{"id": "0"}}}},
			"cgroup": object{"state": "ok", "data": object{"usedCores": 0.25}},
			"network": object{"state": "ok", "data": object{"interfaces": []any{
				object{"name": "eth0", "receive": object{"bytes": 1024, "errors": 0, "dropped": 0}, "transmit": object{"bytes": 4096, "errors": 1, "dropped": 2}},
				object{"name": "evil\x1b[2J\tone\u202e", "receive": object{"bytes": 1}, "transmit": object{}},
			}}},
		},
		"missing": []any{object{"collector": "disk", "state": "failed", "error": "permission denied"}},
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteText(&b, Page{Snapshot: encoded, Now: formatsAt()}); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	const want = `HOST AND OWN CGROUP                         Host   Own cgroup
Share of the processors, or of their limit  12.5%  –
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got:\n%s", got)
	}
	for _, part := range []string{
		"\nNETWORK INTERFACES        Link  Speed  In since boot  Out since boot  Errors in  Errors out  Dropped in  Dropped out\n",
		"\neth0                      –     –      1 KiB          4 KiB           0          1           0           2\n",
		`evil\x1b[2J\x09one\u202e  `, "\ndisk        failed  –                   permission denied\n",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("no %q in:\n%s", part, got)
		}
	}
	for _, part := range []string{"MEMORY", "PROCESSORS, ONE BY ONE", "WHAT CANNOT BE READ", "/s"} {
		if strings.Contains(got, part) {
			t.Errorf("%q in:\n%s", part, got)
		}
	}
	if err := WriteText(&b, Page{Snapshot: []byte("{")}); err == nil {
		t.Error("half a snapshot was written")
	}
}
