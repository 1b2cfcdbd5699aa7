package rules

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

var runbooksDir = filepath.Join("..", "..", "docs", "runbooks")

func TestEveryRunbookURLNamesAFileOfThisRepository(t *testing.T) {
	for _, g := range committed(t, 1) {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			name, ok := strings.CutPrefix(r.Annotations["runbook_url"], RunbookBase)
			if !ok {
				t.Errorf("%s: runbook_url %q does not begin with %s", r.Alert, r.Annotations["runbook_url"], RunbookBase)
				continue
			}
			if _, err := os.Stat(filepath.Join(runbooksDir, name)); err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
		}
	}
}

func TestRunbooksHaveTheSameHeadings(t *testing.T) {
	for _, file := range runbooks(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var headings []string
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "#") {
				headings = append(headings, strings.TrimSpace(line))
			}
		}
		want := []string{"# " + strings.TrimSuffix(filepath.Base(file), ".md"), "## Meaning", "## Impact", "## Diagnosis", "## Mitigation"}
		if d := cmp.Diff(want, headings); d != "" {
			t.Errorf("%s (-want +got):\n%s", file, d)
		}
	}
}

func TestWhatRunbooksNameExists(t *testing.T) {
	w := readWorld(t)
	for _, file := range runbooks(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range spansOf(string(text)) {
			if problem := w.check(s.text); problem != "" {
				t.Errorf("%s:%d: `%s`: %s", file, s.line, s.text, problem)
			}
		}
		for _, link := range linksOf(string(text)) {
			if _, err := os.Stat(filepath.Join(runbooksDir, link)); err != nil {
				t.Errorf("%s links to %s, which does not exist", file, link)
			}
		}
	}
}

func TestWhatDoesNotExistIsFoundInARunbook(t *testing.T) {
	w := readWorld(t)
	for name, tt := range map[string]struct {
		code, want string // empty: it is fine
	}{
		"a metric":                          {`rate(monitor_network_receive_bytes_total{job="monitor"}[5m])`, ""},
		"a metric that nobody exports":      {`rate(monitor_network_received_bytes_total[5m])`, "no exposition"},
		"a label value that nobody exports": {`monitor_cpu_mode_ratio{mode="stolen"}`, "no series"},
		"a recorded series":                 {"ballast_filesystem:hours_until_full:max", ""},
		"a series that nothing records":     {"ballast_filesystem:hours_until_full:mean", "is nothing that is known"},
		"PromQL that is broken":             {`sum(up{job="monitor"}`, "neither"},
		"a target of make":                  {"make lint-rules", ""},
		"a variable of make":                {"make up NAME=other", ""},
		"no target of make":                 {"make lint-rule", "no target"},
		"no variable of make":               {"make up NAMES=other", "no variable"},
		"a command of kubectl":              {"kubectl --namespace observability logs prometheus-ballast-0", ""},
		"no verb of kubectl":                {"kubectl list pods", "no verb"},
		"no kind of kubectl":                {"kubectl get podes", "no kind"},
		"no flag of kubectl":                {"kubectl get pods --everywhere", "no flag"},
		"no object of the charts":           {"kubectl --namespace observability port-forward svc/prometheus-2 9090", "no object"},
		"no namespace of the platform":      {"kubectl --namespace observe get pods", "no namespace"},
		"a file":                            {"alerts/slo/monitor-latency.yaml", ""},
		"no file":                           {"alerts/slo/monitor-speed.yaml", "no file"},
		"an alert":                          {"MonitorReplicaDown", ""},
		"no alert":                          {"MonitorReplicaGone", "is nothing that is known"},
		"a value of a chart":                {"logs.store.maxDiskUsage", ""},
		"no value of a chart":               {"logs.store.diskUsage", "is nothing that is known"},
		"a word of nobody":                  {"observabilty", "is nothing that is known"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.check(tt.code)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

func runbooks(t *testing.T) []string {
	t.Helper()
	files, err := withSuffix(runbooksDir, ".md")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no runbooks: %v", err)
	}
	return files
}

// span is a piece of code in a text.
type span struct {
	line int
	text string
}

var (
	inline = regexp.MustCompile("`([^`]+)`")
	link   = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

// blockIndent is that of a block of code in a list, which is where they stand.
const blockIndent = "       "

func spansOf(text string) []span {
	var spans []span
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), blockIndent) {
			spans = append(spans, span{n, strings.TrimSpace(lines.Text())})
			continue
		}
		for _, m := range inline.FindAllStringSubmatch(lines.Text(), -1) {
			spans = append(spans, span{n, m[1]})
		}
	}
	return spans
}

func linksOf(text string) []string {
	var links []string
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		links = append(links, m[1])
	}
	return links
}

// world is what code in a runbook may name.
type world struct {
	linter
	recorded map[string]bool
	words    map[string]bool // labels, their values, alerts, values and objects of charts
	makefile string
	argocd   string // how its parts are installed
}

func readWorld(t *testing.T) world {
	t.Helper()
	root := filepath.Join("..", "..")
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	w := world{
		recorded: map[string]bool{}, words: map[string]bool{}, makefile: read("Makefile"),
		argocd: read("platform", "cluster", "internal", "bootstrap", "platform.go"),
	}
	var err error
	if w.known, err = readExpositions(filepath.Join(root, "docs", "metrics")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"job", "instance", "namespace", "pod", "monitor", "probe", "default", "argocd", "chaos-testing"} {
		w.words[name] = true
	}
	// States that an object of Argo CD can have, which no exposition of one moment has all of.
	for _, state := range []string{"Synced", "OutOfSync", "Unknown", "Error", "Failed", "clientError", "serverError"} {
		w.words[state] = true
	}
	for _, all := range w.known.series {
		for _, ls := range all {
			ls.Range(func(l labels.Label) { w.words[l.Name], w.words[l.Value] = true, true })
		}
	}
	for _, g := range committed(t, 1) {
		for _, r := range g.Rules {
			w.recorded[r.Record] = true
			w.words[r.Alert] = true
			for _, value := range r.Labels {
				w.words[value] = true
			}
			expr, err := newParser().ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			for _, matchers := range parser.ExtractSelectors(expr) {
				for _, m := range matchers {
					for value := range strings.SplitSeq(m.Value, "|") {
						w.words[value] = true
					}
				}
			}
		}
	}
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read("platform", "helm", "observability", "values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	w.paths("", values)
	golden := read("platform", "helm", "testdata", "golden", "observability-default.yaml")
	for _, m := range regexp.MustCompile(`(?m)^  name: (\S+)$`).FindAllStringSubmatch(golden, -1) {
		w.words[m[1]] = true
	}
	return w
}

// paths notes the values of a chart by their paths.
func (w world) paths(prefix string, values map[string]any) {
	for name, value := range values {
		w.words[prefix+name] = true
		if inner, ok := value.(map[string]any); ok {
			w.paths(prefix+name+".", inner)
		}
	}
}

var (
	plain   = regexp.MustCompile(`^[A-Za-z_:][A-Za-z0-9_:.-]*$`)
	outside = regexp.MustCompile(`^(/[a-z/]*|[0-9.]+|--[a-z-]+)$`) // paths of URLs and nodes, numbers, flags of others
	rooms   = regexp.MustCompile(`^(alerts|chaos|docs|internal|platform|src|tests|tools)/`)
)

// check says what is wrong with a piece of code; nothing when it names what exists.
// `ballast` is left to its own package.
func (w world) check(code string) string {
	words := strings.Fields(code)
	switch {
	case outside.MatchString(code):
		return ""
	case rooms.MatchString(code):
		if _, err := os.Stat(filepath.Join("..", "..", code)); err != nil {
			return "there is no file of this name"
		}
		return ""
	case words[0] == "ballast":
		return ""
	case words[0] == "make" && len(words) > 1:
		return w.make(words[1:])
	case words[0] == "kubectl" && len(words) > 1:
		return w.kubectl(words[1:])
	case len(words) > 1 && slices.Contains([]string{"du", "ethtool", "kubeadm"}, words[0]):
		return "" // of the node
	case plain.MatchString(code):
		if w.words[code] || w.recorded[code] || builtin(code) || len(w.known.series[code]) > 0 || slices.Contains(kinds, strings.ToLower(code)) || code == "du" || code == "budget-exhausted" || code == "ignoreDifferences" || code == "client-certificate-data" || w.types(code) {
			return ""
		}
		return "is nothing that is known: no metric, label, alert, or value of a chart"
	}
	if _, err := newParser().ParseExpr(code); err != nil {
		return "is neither a command nor PromQL: " + err.Error()
	}
	return strings.Join(w.unknown(code, w.recorded), "; ")
}

// types reports whether a metric is a histogram or summary of this name.
func (w world) types(name string) bool { _, ok := w.known.types[name]; return ok }

func (w world) make(args []string) string {
	for _, arg := range args {
		if name, _, ok := strings.Cut(arg, "="); ok {
			if !regexp.MustCompile(`(?m)^` + name + ` \?=`).MatchString(w.makefile) {
				return fmt.Sprintf("the Makefile has no variable %s", name)
			}
			continue
		}
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(arg) + `:`).MatchString(w.makefile) {
			return fmt.Sprintf("the Makefile has no target %s", arg)
		}
	}
	return ""
}

// kinds are those of objects that runbooks look at, in the singular.
var kinds = []string{
	"application", "certificatesigningrequest", "daemonset", "deployment", "endpointslice", "event", "iochaos", "networkchaos",
	"node", "pod", "podchaos", "podmonitor", "prometheusrule", "secret", "service", "servicemonitor", "statefulset", "stresschaos", "svc", "timechaos",
}

// kubectl checks verb, kinds, flags and, where they are named, objects of the platform.
func (w world) kubectl(args []string) string {
	var verb, namespace string
	var objects []string
	for i := 0; i < len(args); i++ {
		name, _, _ := strings.Cut(args[i], "=")
		switch {
		case name == "--namespace" && i+1 < len(args):
			i++
			namespace = args[i]
			if !slices.Contains([]string{"argocd", "chaos-testing", "monitor", "observability"}, namespace) {
				return "the platform has no namespace " + namespace
			}
		case slices.Contains([]string{"--all-namespaces", "--previous", "--sort-by", "--raw"}, name):
		case strings.HasPrefix(name, "-"):
			return "kubectl has no flag " + name + ", or nobody needed it yet"
		case verb == "":
			verb = args[i]
		default:
			objects = append(objects, args[i])
		}
	}
	isKind := func(kind string) bool {
		return slices.Contains(kinds, kind) || slices.Contains(kinds, strings.TrimSuffix(kind, "s"))
	}
	switch verb {
	case "get", "describe", "top":
		if strings.Contains(strings.Join(args, " "), "--raw=") {
			return ""
		}
		if len(objects) == 0 || !isKind(objects[0]) {
			return fmt.Sprintf("there is no kind in %q", objects)
		}
		return ""
	case "logs", "port-forward":
	default:
		return fmt.Sprintf("there is no verb %q of kubectl that runbooks need", verb)
	}
	if len(objects) == 0 {
		return ""
	}
	kind, name, typed := strings.Cut(objects[0], "/")
	if typed && !isKind(kind) {
		return "there is no kind " + kind
	}
	switch {
	case !typed && kind == "NAME":
	case !typed && namespace == "observability" && slices.Contains([]string{"prometheus-ballast-0", "alertmanager-ballast-0"}, kind): // the operator's
	case typed && namespace == "observability" && w.words[name]:
	case typed && namespace == "argocd" && strings.Contains(w.argocd, `"`+objects[0]+`"`):
	default:
		return "the platform has no object " + objects[0]
	}
	return ""
}
