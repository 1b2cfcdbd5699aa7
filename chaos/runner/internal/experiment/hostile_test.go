package experiment

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/internal/document"
)

// hostile are files of about the size given, each made to keep one part of the
// decoder busy.
func hostile(tb testing.TB, size int) map[string]string {
	tb.Helper()
	minimal, err := os.ReadFile("testdata/valid-minimal.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	_, fault, _ := strings.Cut(string(minimal), "---\n")
	const head = "apiVersion: ballast.dev/v1alpha1\nkind: Experiment\nmetadata: {name: a}\nspec:\n  hypothesis: x\n"
	const pod = head + "---\napiVersion: chaos-mesh.org/v1alpha1\nkind: PodChaos\nmetadata: {name: a}\nspec:\n  action: pod-kill\n  mode: one\n  selector: "
	room := size - 2000 // beside the head
	fill := func(unit string, room int) string { return strings.Repeat(unit, room/len(unit)) }
	keys := func() string { // all of them different
		var b strings.Builder
		for i := 0; b.Len() < room-20; i++ {
			fmt.Fprintf(&b, "k%d: v, ", i)
		}
		return "{" + b.String() + "}"
	}()
	promql := func(expr string) string { return head + "  slos: [{name: a, max: 1, promql: '" + expr + "'}]\n" }
	return map[string]string{
		"assertions of nothing":    head + "  slos: [" + fill("{},", room) + "]",
		"unknown SLOs":             head + "  slos: [" + fill("{ref: a},", room) + "]",
		"one SLO again and again":  head + "  slos: [" + fill("{ref: monitor-latency},", room) + "]",
		"one expression again":     head + "  slos: [" + fill("{name: a, promql: b, max: 1},", room) + "]",
		"alerts, expected":         head + "  alerts: {expect: [" + fill("{name: MonitorReplicaDown, within: 1s},", room) + "]}",
		"alerts, both ways":        head + "  alerts: {expect: [" + fill("{name: x, within: 1s},", room/2) + "], forbid: [" + fill("{name: x},", room/2) + "]}",
		"guard rails":              head + "  abort: [" + fill("{ref: monitor-availability, burnRate: 20, for: 5s},", room) + "]",
		"unknown fields":           head + "  blastRadius: " + keys,
		"labels":                   strings.Replace(head, "name: a", "name: a, labels: "+keys, 1),
		"labels of a selector":     pod + "{labelSelectors: " + keys + "}",
		"expressions":              pod + "{expressionSelectors: [" + fill("{key: a, operator: In, values: [b]},", room) + "]}",
		"values of an expression":  pod + "{expressionSelectors: [{key: a, operator: In, values: [" + fill("b,", room) + "]}]}",
		"namespaces that are none": pod + "{namespaces: [" + fill("a!,", room) + "]}",
		"faults of one name":       head + fill("---\n"+fault, min(room, 990*len("---\n"+fault))),
		"documents":                head + fill("---\na: 1\n", room),
		"nested lists":             head + "  x: " + fill("[", room),
		"nested mappings":          head + "  x: " + fill("{a: ", min(room, 40_000)) + fill("}", min(room, 40_000)/len("{a: ")),
		"anchors":                  head + fill("  x: &a 1\n", room),
		"comments":                 head + fill("# a\n", room),
		"nested expression":        promql(strings.Repeat("(", document.MaxValue/2-1) + "a" + strings.Repeat(")", document.MaxValue/2-1)),
		"long sum":                 promql("a" + fill("+a", document.MaxValue-1)),
		"too long an expression":   promql(fill("-", room) + "a"),
		"too long a name":          strings.Replace(head, "name: a", "name: "+fill("a", room), 1),
	}
}

func TestHostileFilesAreRefusedInFewWords(t *testing.T) {
	opts := testOptions(t)
	for name, text := range hostile(t, document.MaxBytes/16) {
		t.Run(name, func(t *testing.T) {
			_, problems := Parse("f", []byte(text), opts)
			for _, p := range problems {
				if len(p.String()) > 2*document.MaxValue {
					t.Errorf("a problem of %d bytes: %.200s…", len(p.String()), p)
				}
			}
			// A document may have as many, and each of a thousand one.
			if len(problems) == 0 || len(problems) > 2*document.MaxProblems+document.MaxDocuments {
				t.Errorf("%d problems", len(problems))
			}
		})
	}
}

// What it costs to refuse a file of the largest size: no more than its size asks
// for, or one document would hold up the validation of all.
func BenchmarkHostile(b *testing.B) {
	opts := testOptions(b)
	for name, text := range hostile(b, document.MaxBytes) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Parse("f", []byte(text), opts)
			}
		})
	}
}
