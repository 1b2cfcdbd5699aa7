package helm

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/engine"
)

func TestBadValuesAreRefusedByName(t *testing.T) {
	good := map[string]string{
		"monitor":       "monitor-default",
		"probe":         "probe-default",
		"observability": "observability-default",
		"chaos":         "chaos-default",
		"experiments":   "experiments-default",
	}
	tests := map[string]struct {
		chart, values, want string
	}{
		"a value that does not exist":            {"monitor", "replicaCount: 3", "additional properties 'replicaCount' not allowed"},
		"a value that does not exist, below":     {"monitor", "drain: {pauze: 3s}", "at '/drain': additional properties 'pauze'"},
		"a mode that does not exist":             {"monitor", "mode: both", "at '/mode'"},
		"a kind that is not offered":             {"monitor", "kind: StatefulSet", "at '/kind'"},
		"a number as text":                       {"monitor", `replicas: "3"`, "at '/replicas'"},
		"fewer than no replicas":                 {"monitor", "replicas: -1", "at '/replicas'"},
		"the tag latest":                         {"monitor", "image: {digest: '', tag: latest}", "at '/image/tag'"},
		"a digest that is none":                  {"monitor", "image: {digest: sha256:123}", "at '/image/digest'"},
		"no image at all":                        {"monitor", "image: {digest: ''}", "image: give image.digest, or image.tag"},
		"a duration without a unit":              {"monitor", "interval: 5", "at '/interval'"},
		"a duration of a unit that is none":      {"monitor", "drain: {pause: 3sec}", "at '/drain/pause'"},
		"a level that does not exist":            {"monitor", "logLevel: verbose", "at '/logLevel'"},
		"a grace period that cuts the drain":     {"monitor", "terminationGracePeriodSeconds: 13", "terminationGracePeriodSeconds: 13 is too short"},
		"autoscaling of a DaemonSet":             {"monitor", "{kind: DaemonSet, autoscaling: {enabled: true}}", "autoscaling.enabled"},
		"bounds that cross":                      {"monitor", "autoscaling: {enabled: true, minReplicas: 5, maxReplicas: 4}", "autoscaling.minReplicas"},
		"a scaling policy of no kind":            {"monitor", "autoscaling: {behavior: {scaleUp: {policies: [{type: Node, value: 1, periodSeconds: 1}]}}}", "at '/autoscaling/behavior/scaleUp/policies/0/type'"},
		"a budget that is no share":              {"monitor", "podDisruptionBudget: {maxUnavailable: 120%}", "at '/podDisruptionBudget/maxUnavailable'"},
		"a peer that is everybody":               {"monitor", "networkPolicy: {ingress: [{}]}", "at '/networkPolicy/ingress/0'"},
		"a namespace that is no name":            {"monitor", "networkPolicy: {observabilityNamespace: Observability}", "at '/networkPolicy/observabilityNamespace'"},
		"a monitor of another group":             {"monitor", "serviceMonitor: {apiVersion: v1}", "at '/serviceMonitor/apiVersion'"},
		"requests without memory":                {"monitor", "resources: {requests: {memory: null}}", "at '/resources/requests'"},
		"an amount that is none":                 {"monitor", "resources: {limits: {memory: lots}}", "at '/resources/limits/memory'"},
		"a host that is a URL":                   {"monitor", "allowedHosts: [http://monitor]", "at '/allowedHosts/0'"},
		"an ingress for no name":                 {"monitor", "ingress: {enabled: true}", "ingress.host: give the name"},
		"TLS without a certificate":              {"monitor", "web: {https: true}", "web.https: without web.configSecret"},
		"a Secret that is no name":               {"monitor", "web: {tlsSecret: Monitor}", "at '/web/tlsSecret'"},
		"a label that is no text":                {"monitor", "extraLabels: {team: 7}", "at '/extraLabels/team'"},
		"a load of nothing":                      {"monitor", "test: {rate: 0}", "at '/test/rate'"},
		"a URL of another scheme":                {"probe", "url: ftp://monitor", "at '/url'"},
		"a rate of nothing":                      {"probe", "rate: 0", "at '/rate'"},
		"a probe that reaches nobody":            {"probe", "networkPolicy: {target: {to: []}}", "at '/networkPolicy/target/to'"},
		"textfiles in a relative place":          {"monitor", "textfileDir: var/lib", "at '/textfileDir'"},
		"textfiles of the whole node":            {"monitor", "textfileDir: /", "at '/textfileDir'"},
		"textfiles somewhere above":              {"monitor", "textfileDir: /var/../etc", "at '/textfileDir'"},
		"textfiles that nothing scrapes":         {"monitor", "textfileDir: /var/lib/node", "textfileDir: its files are on /metrics/node alone"},
		"a port that is none":                    {"probe", "networkPolicy: {target: {ports: [0]}}", "at '/networkPolicy/target/ports/0'"},
		"pods that are everybody":                {"probe", "pods: {selector: {matchLabels: {}}}", "at '/pods/selector/matchLabels'"},
		"pods asked for another host's":          {"probe", "pods: {path: //elsewhere}", "at '/pods/path'"},
		"a probe's Secret that is no name":       {"probe", "access: {tokenSecret: Monitor}", "at '/access/tokenSecret'"},
		"authorities over http":                  {"probe", "access: {caSecret: monitor-tls}", "access.caSecret: over http nobody shows a certificate"},
		"a port of pods that is closed":          {"probe", "pods: {port: 81}", "pods.port: 81 is not among networkPolicy.target.ports"},
		"a probe without an image":               {"probe", "image: {digest: ''}", "image: give image.digest, or image.tag"},
		"a scrape longer than its interval":      {"observability", "prometheus: {scrapeInterval: 2s, scrapeTimeout: 3s}", "prometheus.scrapeTimeout: 3s is longer"},
		"an interval of two units":               {"observability", "prometheus: {scrapeInterval: 1m30s}", "at '/prometheus/scrapeInterval'"},
		"a Prometheus of no version":             {"observability", "prometheus: {image: {tag: main}}", "at '/prometheus/image/tag'"},
		"an Alertmanager of no version":          {"observability", "alertmanager: {image: {tag: ''}}", "at '/alertmanager/image/tag'"},
		"a retention of no length":               {"observability", "prometheus: {retention: long}", "at '/prometheus/retention'"},
		"a webhook that is no URL":               {"observability", "alertmanager: {webhookURL: pager}", "at '/alertmanager/webhookURL'"},
		"a watchdog's address that is none":      {"observability", "alertmanager: {watchdogURL: pager}", "at '/alertmanager/watchdogURL'"},
		"a watchdog beside a whole config":       {"observability", "alertmanager: {watchdogURL: 'http://x', config: {route: {receiver: x}}}", "alertmanager.watchdogURL"},
		"an API server that is never read":       {"observability", "apiServer: {interval: ''}", "at '/apiServer/interval'"},
		"an Argo CD in no namespace":             {"observability", "argocd: {namespace: ''}", "at '/argocd/namespace'"},
		"a webhook beside a whole config":        {"observability", "alertmanager: {webhookURL: 'http://x', config: {route: {receiver: x}}}", "alertmanager.webhookURL"},
		"logs that are kept for less than a day": {"observability", "logs: {store: {retention: 12h}}", "at '/logs/store/retention'"},
		"a collector without an image":           {"observability", "logs: {collector: {image: {tag: ''}}}", "logs.collector.image: give logs.collector.image.digest"},
		"a place to start that is none":          {"observability", "logs: {collector: {startAt: middle}}", "at '/logs/collector/startAt'"},
		"a checkpoint in a relative place":       {"observability", "logs: {collector: {checkpointHostPath: var/lib}}", "at '/logs/collector/checkpointHostPath'"},
		"an API server without ports":            {"observability", "networkPolicy: {apiServerPorts: []}", "at '/networkPolicy/apiServerPorts'"},
		"a client that is everybody":             {"observability", "networkPolicy: {clients: [{}]}", "at '/networkPolicy/clients/0'"},
		"an experiment that there is not":        {"experiments", "experiments: [monitor-pod-kil]", "experiments: there is no monitor-pod-kil.yaml in chaos/experiments"},
		"no experiment at all":                   {"experiments", "experiments: []", "at '/experiments'"},
		"a path of an experiment":                {"experiments", "experiments: [../cluster-experiments/monitor-node-drain]", "at '/experiments/0'"},
		"a verdict about nothing":                {"experiments", "verdicts: {secret: verdicts}", "verdicts.secret: a verdict is about deployed.digest"},
		"game days of no time":                   {"experiments", "gameDays: {schedule: weekly}", "at '/gameDays/schedule'"},
		"every namespace":                        {"chaos", "runner: {namespaces: ['*']}", "at '/runner/namespaces/0'"},
		"a fault in Chaos Mesh":                  {"chaos", "runner: {namespaces: [chaos-testing]}", "runner.namespaces: chaos-testing is where Chaos Mesh itself is"},
		"a guard of the tag latest":              {"chaos", "image: {tag: latest}", "at '/image/tag'"},
		"a value of Chaos Mesh one level up":     {"chaos", "chaosDaemon: {runtime: crio}", "additional properties 'chaosDaemon' not allowed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			values := merge(readValues(t, good[tt.chart]), parseValues(t, tt.values))
			_, err := render(load(t, tt.chart), values, engine.Engine{})
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\ndoes not say: %s", err, tt.want)
			}
		})
	}
}

// merge lays values over others, as a second file of values does.
func merge(base, over map[string]any) map[string]any {
	merged := maps.Clone(base)
	for k, v := range over {
		below, ok := merged[k].(map[string]any)
		above, also := v.(map[string]any)
		if ok && also {
			v = merge(below, above)
		}
		merged[k] = v
	}
	return merged
}

// readSchema reads the schema of a chart's values.
func readSchema(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(name, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

func child(m map[string]any, key string) map[string]any {
	c, _ := m[key].(map[string]any) // nothing is in what is not there
	return c
}

// walk calls visit for every property of a schema, with the values beside it. What
// a reference leads to is visited where it is used.
func walk(schema, node, values map[string]any, path string, visit func(path string, node map[string]any, value any, ok bool)) {
	resolved := maps.Clone(node)
	if ref, ok := node["$ref"].(string); ok {
		for k, v := range child(child(schema, "$defs"), strings.TrimPrefix(ref, "#/$defs/")) {
			if k != "description" {
				resolved[k] = v
			}
		}
	}
	for name, property := range child(resolved, "properties") {
		p, ok := property.(map[string]any)
		if !ok {
			continue
		}
		value, given := values[name]
		visit(path+"/"+name, p, value, given)
		below, isMap := value.(map[string]any)
		if isMap {
			walk(schema, p, below, path+"/"+name, visit)
		}
	}
}

func TestEveryValueIsDescribedAndHasADefault(t *testing.T) {
	// Absent is what these are by default.
	optional := []string{"/global", "mage/pullPolicy", "/pods/selector/matchLabels", "/pods/selector/matchExpressions"}
	for _, name := range charts() {
		t.Run(name, func(t *testing.T) {
			schema, values := readSchema(t, name), load(t, name).Values
			walk(schema, schema, values, "", func(path string, node map[string]any, _ any, given bool) {
				if description, ok := node["description"].(string); !ok || !strings.HasSuffix(description, ".") {
					t.Errorf("%s is not described in a sentence", path)
				}
				if !given && !slices.ContainsFunc(optional, func(o string) bool { return strings.HasSuffix(path, o) }) {
					t.Errorf("%s is not in values.yaml", path)
				}
			})
		})
	}
}

// A group of values that takes any name hides a misspelt one.
func TestEveryGroupOfValuesIsClosed(t *testing.T) {
	for _, name := range charts() {
		t.Run(name, func(t *testing.T) {
			var check func(path string, node any)
			check = func(path string, node any) {
				switch node := node.(type) {
				case map[string]any:
					if _, ok := node["properties"]; ok && node["type"] == "object" && node["additionalProperties"] != false {
						t.Errorf("%s takes any name", path)
					}
					for k, v := range node {
						check(path+"/"+k, v)
					}
				case []any:
					for i, v := range node {
						check(fmt.Sprintf("%s/%d", path, i), v)
					}
				}
			}
			check("", readSchema(t, name))
		})
	}
}

func TestDefinitionsThatSchemasShareAreTheSame(t *testing.T) {
	seen := map[string]any{}
	for _, name := range charts() {
		for def, node := range child(readSchema(t, name), "$defs") {
			if other, ok := seen[def]; ok && !reflect.DeepEqual(other, node) {
				t.Errorf("%s: %s (-others +this):\n%s", name, def, cmp.Diff(other, node))
			}
			seen[def] = node
		}
	}
}
