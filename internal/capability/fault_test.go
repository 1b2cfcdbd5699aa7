package capability_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/capability"
	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "write the golden files anew")

func compare(t *testing.T, name, got string) {
	t.Helper()
	golden.Compare(t, filepath.Join("testdata", name), got, *update)
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

// Every fault is judged on four nodes. A golden file has each reason once, with a
// number, so that a change of one is one line.
func TestGoldenEveryFaultIsJudgedOn(t *testing.T) {
	for name, d := range map[string]capability.Document{
		"a node with a bare kernel":      bare(),
		"a node that has everything":     full(),
		"a node that nobody has probed":  {},
		"a node that has nothing at all": nothing(),
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			var reasons []string
			for _, f := range capability.Faults() {
				v := d.Judge(f)
				if v.Possible != (len(v.Reasons) == 0) {
					t.Errorf("%s: possible is %v with %d reasons", f, v.Possible, len(v.Reasons))
				}
				if v.Possible {
					fmt.Fprintf(&got, "%s: possible\n", f)
					continue
				}
				fmt.Fprintf(&got, "%s: not possible,", f)
				for _, r := range v.Reasons {
					if !slices.Contains(reasons, r) {
						reasons = append(reasons, r)
					}
					fmt.Fprintf(&got, " %d", slices.Index(reasons, r)+1)
				}
				got.WriteByte('\n')
			}
			for i, r := range reasons {
				fmt.Fprintf(&got, "%d: %s\n", i+1, r)
			}
			compare(t, "judge-"+strings.ReplaceAll(name, " ", "-")+".golden", got.String())
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

// actionsOfTheAPI reads the kinds and their actions from the sources of the pinned
// API: the constants of the type of each spec.action.
func actionsOfTheAPI(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "github.com/chaos-mesh/chaos-mesh/api/v1alpha1").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "*_type*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	var kinds []string
	constants := map[string][]string{} // by type
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GenDecl:
				if typ, ok := n.Specs[0].(*ast.TypeSpec); ok && strings.Contains(commentsBefore(parsed, n), "+chaos-mesh:experiment\n") {
					kinds = append(kinds, typ.Name.Name)
				}
			case *ast.ValueSpec:
				typ, ok := n.Type.(*ast.Ident)
				if !ok || len(n.Values) != 1 {
					break
				}
				if literal, ok := n.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
					value, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					constants[typ.Name] = append(constants[typ.Name], value)
				}
			}
			return true
		})
	}
	actions := map[string][]string{}
	for _, kind := range kinds {
		switch kind {
		case "Workflow": // an order of faults, not one
		case "IOChaos":
			actions[kind] = constants["IOChaosType"]
		case "TimeChaos", "KernelChaos":
			actions[kind] = []string{""}
		case "StressChaos": // the fields that say what is done
			actions[kind] = []string{"cpu", "memory", "stress-ng"}
		case "HTTPChaos":
			actions[kind] = []string{"abort", "delay", "replace", "patch"}
		default:
			actions[kind] = constants[kind+"Action"]
		}
		slices.Sort(actions[kind])
	}
	return actions
}

// commentsBefore is the comments between a declaration and the one before it: the
// markers of the API stand in a comment of their own.
func commentsBefore(f *ast.File, d *ast.GenDecl) string {
	from := f.Name.End()
	for _, other := range f.Decls {
		if other.End() < d.Pos() {
			from = other.End()
		}
	}
	var out strings.Builder
	for _, group := range f.Comments {
		if group.Pos() > from && group.End() < d.Pos() {
			for _, c := range group.List {
				out.WriteString(strings.TrimPrefix(c.Text, "// ") + "\n")
			}
		}
	}
	return out.String()
}

// What the pinned API has is what can be judged, no less and no more.
func TestEveryKindAndActionOfTheAPIIsKnown(t *testing.T) {
	known := map[string][]string{}
	for _, f := range capability.Faults() {
		if f.Variant == "" {
			known[f.Kind] = append(known[f.Kind], f.Action)
		}
	}
	for _, actions := range known {
		slices.Sort(actions)
	}
	if diff := cmp.Diff(actionsOfTheAPI(t), known); diff != "" {
		t.Errorf("the faults are not those of the API (-API +known):\n%s", diff)
	}
}

func TestWhatStandsInForAProgramOfTheProject(t *testing.T) {
	own := full().With(capability.Fact{Name: capability.MemStress, Present: true, Detail: "/usr/local/bin/memStress memStress of Ballast"})
	memory := capability.Fault{Kind: "StressChaos", Action: "memory"}
	for name, tc := range map[string]struct {
		document capability.Document
		fault    capability.Fault
		said     bool
	}{
		"Ballast's own holds the memory":           {own, memory, true},
		"it does so beside a load on the CPU":      {own, capability.Fault{Kind: "StressChaos", Action: "cpu+memory", Variant: capability.LoweredOOMScore}, true},
		"it has no part in a load on the CPU":      {own, capability.Fault{Kind: "StressChaos", Action: "cpu"}, false},
		"it has no part in another kind":           {own, capability.Fault{Kind: "PodChaos", Action: "pod-kill"}, false},
		"the project's own holds it":               {full(), memory, false},
		"nothing is known of it":                   {capability.Document{}, memory, false},
		"nothing holds it, as the program is gone": {nothing(), memory, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.document.StandIn(tc.fault); (got != "") != tc.said || tc.said && !strings.Contains(got, "Ballast's own memStress") {
				t.Errorf("%q", got)
			}
		})
	}
}
