package capability_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/capability"
)

func TestTheProbesOutputIsRead(t *testing.T) {
	const out = "kernel\tyes\t6.18.44\r\n" +
		"cgroup\tyes\thybrid\n" +
		"tbf\tyes\t\n" +
		"netem\tno\tError: Specified qdisc kind\tis \xff unknown. \n" +
		"tc\tyes\t/usr/sbin/tc" // the last line may be cut
	got, err := capability.Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	want := capability.Document{
		Kernel: "6.18.44", Cgroup: capability.CgroupHybrid,
		Facts: []capability.Fact{
			{Name: capability.Netem, Detail: "Error: Specified qdisc kind\tis \uFFFD unknown."},
			{Name: capability.TBF, Present: true},
			{Name: capability.TC, Present: true, Detail: "/usr/sbin/tc"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestALongDetailIsCut(t *testing.T) {
	d, err := capability.Parse("tbf\tno\t" + strings.Repeat("x", 299) + "\u00e9" + strings.Repeat("y", 5000))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("x", 299) + "\uFFFD"; d.Facts[0].Detail != want {
		t.Errorf("it is %q", d.Facts[0].Detail)
	}
}

func TestANodeWithoutControlGroupsHasNoVersionOfThem(t *testing.T) {
	d, err := capability.Parse("cgroup\tno\tnothing is mounted\nkernel\tno\tuname failed\ntbf\tyes\t\n")
	if err != nil || d.Cgroup != "" || d.Kernel != "" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestOutputThatTheScriptDoesNotWriteIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		out  string
		says []string
	}{
		"a line without a detail":      {"tbf\tyes", []string{"line 1", "NAME<TAB>yes|no<TAB>DETAIL"}},
		"an answer that is neither":    {"tbf\ttrue\t", []string{"line 1"}},
		"a line of some program":       {"tbf\tyes\t\nmesg: ttyname failed\n", []string{"line 2", "mesg"}},
		"an empty line":                {"\n", []string{"line 1"}},
		"an unknown fact":              {"netm\tyes\t", []string{`a node has no fact "netm"`}},
		"a fact that no node shows":    {"aws-credentials\tyes\t", []string{`a node has no fact "aws-credentials"`}},
		"a fact twice":                 {"tbf\tyes\t\ntbf\tno\tbroken\n", []string{"line 2", "twice"}},
		"the kernel twice":             {"kernel\tyes\t1\nkernel\tyes\t2\n", []string{"line 2", "twice"}},
		"a no that nothing explains":   {"tbf\tno\t \n", []string{"line 1", "nothing says why"}},
		"control groups of a new kind": {"cgroup\tyes\tv3\n", []string{"v3"}},
		"every problem at once":        {"tbf\nnetm\tyes\t\n", []string{"line 1", "line 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := capability.Parse(tc.out)
			if err == nil {
				t.Fatalf("it was read as %+v", d)
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("the error does not say %q: %v", s, err)
				}
			}
		})
	}
}

func TestAProbeThatFailsIsNoDocument(t *testing.T) {
	gone := errors.New("the pod is gone")
	for name, tc := range map[string]struct {
		out  string
		err  error
		says string
	}{
		"the command cannot be run": {"tbf\tyes\t\n", gone, "the pod is gone"},
		"it writes nothing":         {"", nil, "reported no fact"},
		"it writes rubbish":         {"Segmentation fault\n", nil, "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := capability.Probe(t.Context(), func(context.Context, ...string) (string, error) { return tc.out, tc.err })
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("the error is %v", err)
			}
			if tc.err != nil && !errors.Is(err, tc.err) {
				t.Errorf("the cause is lost: %v", err)
			}
			if diff := cmp.Diff(capability.Document{}, d); diff != "" {
				t.Errorf("a failed probe gave a document:\n%s", diff)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("kernel\tyes\t6.18.44\ncgroup\tyes\tv2\nnetem\tno\tError: Specified qdisc kind is unknown.\ntbf\tyes\t\n")
	f.Add("tbf\tno\t\xff\r\n")
	f.Add("\t\t\n\n")
	f.Fuzz(func(t *testing.T, out string) {
		d, err := capability.Parse(out)
		if err != nil {
			return
		}
		again, err := capability.Decode(strings.NewReader(encode(t, d)))
		if err != nil {
			t.Fatalf("the document cannot be read: %v", err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Errorf("the document reads otherwise:\n%s", diff)
		}
	})
}
