package fault

import (
	"testing"

	"github.com/ballast-sre/ballast/internal/document"
)

func TestEveryPartThatNetemCarriesOutIsTaken(t *testing.T) {
	for name, spec := range map[string]string{
		"loss beside delay":                          `{action: delay, delay: {latency: 50ms}, loss: {loss: "100"}`,
		"all five under netem":                       `{action: netem, delay: {latency: 50ms, jitter: 5ms}, loss: {loss: "1"}, duplicate: {duplicate: "1"}, corrupt: {corrupt: "1"}, rate: {rate: 1mbps}`,
		"a rate beside loss":                         `{action: loss, loss: {loss: "1"}, rate: {rate: 1mbps}`,
		"a rate alone":                               `{action: netem, rate: {rate: 1mbps}`,
		"a correlation of a jitter of nothing":       `{action: delay, delay: {latency: 10ms, correlation: "100", jitter: 0ms}`,
		"a reordering with its gap":                  `{action: delay, delay: {latency: 10ms, reorder: {reorder: "50", correlation: "50", gap: 5}}`,
		"peakrate with minburst":                     `{action: bandwidth, bandwidth: {rate: 1mbps, limit: 1, buffer: 1, peakrate: 5, minburst: 1500}`,
		"peakrate and minburst that ask for nothing": `{action: bandwidth, bandwidth: {rate: 1mbps, limit: 1, buffer: 1, peakrate: 0, minburst: 0}`,
		"the behaviour of a partition":               `{action: partition, partitionBehavior: reject`,
		"a fraction of a second":                     `{action: delay, delay: {latency: 0.5s}`,
	} {
		t.Run(name, func(t *testing.T) {
			mustDecode(t, header+"NetworkChaos\nmetadata: {name: k}\nspec: "+spec+", mode: one, selector: {labelSelectors: {app: monitor}}}\n")
		})
	}
}

// A plain word that is text to this reader and a boolean to the API server is
// refused wherever it stands; words that both read alike are not.
func TestWordsThatTheAPIServerReadsAlikeAreTaken(t *testing.T) {
	for _, word := range []string{"none", `"no"`, "'yes'", "nope", "oFF", "v1.2", "2026-01-01", "!!str no"} {
		text := header + "PodChaos\nmetadata: {name: k}\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: " + word + "}}}\n"
		mustDecode(t, text)
	}
	for _, word := range []string{"no", "No", "NO", "n", "N", "yes", "y", "Y", "on", "On", "off", "OFF"} {
		text := header + "PodChaos\nmetadata: {name: k}\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: " + word + "}}}\n"
		docs, _ := document.Split("f", []byte(text))
		if _, problems := Decode(docs[0]); len(problems) != 1 || problems[0].Field != "spec.selector.labelSelectors.app" {
			t.Errorf("%s: %v", word, problems)
		}
	}
}
