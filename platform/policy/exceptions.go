package policy

import "fmt"

// Exception is a pod and a rule that it does not keep to.
type Exception struct{ Pod, Rule string }

// Exceptions say why a pod may break a rule.
func Exceptions() map[Exception]string {
	return map[Exception]string{
		{"DaemonSet/otel-collector", "is not root"}:                          "the kubelet's log files are readable by root alone; it has none of root's capabilities",
		{"DaemonSet/otel-collector", "mounts the node's files read-only"}:    "where it keeps how far it has read, when that is asked for",
		{"Deployment/prometheus-operator", "has no token of the API server"}: "it works through the API server, with rights that its chart's tests lists",
		{"Deployment/ballast-guard", "has no token of the API server"}:       "it takes faults away there, with rights that its chart's tests lists",
		{"Job/ballast-runner", "has no token of the API server"}:             "it injects faults there, with rights that the tests of the chart chaos list",
		{"CronJob/ballast-game-days", "has no token of the API server"}:      "it injects faults there, with rights that the tests of the chart chaos list",
		{"Prometheus/ballast", "has no token of the API server"}:             "it discovers its targets there, with rights that its chart's tests lists",
	}
}

// Finding is a rule that a pod does not keep to, and may not.
type Finding struct{ Pod, Rule, Problem string }

func (f Finding) String() string {
	return fmt.Sprintf("%s: a pod %s: this %s", f.Pod, f.Rule, f.Problem)
}

// Findings are what is wrong with the pods of objects, in their order.
func Findings(all []Object) []Finding {
	var found []Finding
	for _, p := range Pods(all) {
		for _, r := range Rules() {
			if Exceptions()[Exception{p.ID, r.Name}] != "" {
				continue
			}
			for _, problem := range r.Check(p) {
				found = append(found, Finding{p.ID, r.Name, problem})
			}
		}
	}
	return found
}
