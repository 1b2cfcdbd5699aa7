package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
	"github.com/ballast-sre/ballast/internal/slo"
)

// Groups whose files give them an interval are slow on purpose: what the runner waits
// for, and how far apart two evaluations may be, goes by the others.
func TestTheEvaluationIntervalIsThatOfGroupsWithoutTheirOwn(t *testing.T) {
	const rulesAPI = `{"status":"success","data":{"groups":[
 {"name":"slo-a","interval":15,"rules":[{"type":"alerting","name":"ABudgetBurn","query":"x","duration":0,"labels":{},"annotations":{},"alerts":[],"health":"ok","evaluationTime":0,"lastEvaluation":"2026-03-04T05:06:07Z","state":"inactive"}]},
 {"name":"slo-a-budget","interval":300,"rules":[{"type":"alerting","name":"ABudgetExhausted","query":"x","duration":0,"labels":{},"annotations":{},"alerts":[],"health":"ok","evaluationTime":0,"lastEvaluation":"2026-03-04T05:06:07Z","state":"inactive"}]}]}}`
	const heartbeats = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"rule_group":"slo-a"},"values":[[0,"1"],[15,"1"],[30,"1"],[45,"1"]]}]}}`
	models := []slo.AlertModel{
		{Name: "ABudgetBurn", Group: "slo-a"},
		{Name: "ABudgetExhausted", Group: "slo-a-budget", Interval: 5 * time.Minute},
	}
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"with a rules API": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(rulesAPI)) },
		"without a rules API": func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/rules") {
				http.NotFound(w, r)
				return
			}
			if err := r.ParseForm(); err != nil || !strings.Contains(r.Form.Get("query"), `rule_group!~"slo-a-budget"`) {
				t.Errorf("asked %q, %v", r.Form.Get("query"), err)
			}
			_, _ = w.Write([]byte(heartbeats))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(answer))
			defer server.Close()
			client, err := prom.New(prom.Config{URL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			got, err := (&clusterSetup{client: client}).evaluated(t.Context(), catalogue{alerts: models})
			if err != nil || got != 15*time.Second {
				t.Errorf("got %s, %v; want 15s", got, err)
			}
		})
	}
}
