package cluster

import (
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestAnnounce(t *testing.T) {
	workload := corev1.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "monitor", Name: "monitor", UID: "u"}
	for name, tt := range map[string]struct {
		event              Event
		reason, kind, note string
	}{
		"the fault": {
			Injected("pod-kill", []string{"PodChaos/kill", "NetworkChaos/delay"}, 2), "FaultInjected", "Warning",
			"experiment pod-kill injected PodChaos/kill, NetworkChaos/delay into 2 pods of this workload",
		},
		"a pass": {Judged("pod-kill", "pass", ""), "Verdict", "Normal", "experiment pod-kill ended: pass"},
		"a fail": {Judged("pod-kill", "fail", "slo-broken"), "Verdict", "Warning", "experiment pod-kill ended: fail, slo-broken"},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientset()
			if err := Announce(t.Context(), c, "run-a", workload, tt.event); err != nil {
				t.Fatal(err)
			}
			if len(c.Actions()) != 1 || c.Actions()[0].GetVerb() != "create" {
				t.Fatalf("it needs more than the right to create: %v", c.Actions())
			}
			list, err := c.EventsV1().Events("monitor").List(t.Context(), metav1.ListOptions{})
			if err != nil || len(list.Items) != 1 {
				t.Fatalf("events %v, %v", list, err)
			}
			e := list.Items[0]
			if e.Reason != tt.reason || e.Type != tt.kind || e.Note != tt.note || e.Regarding != workload {
				t.Errorf("event %+v", e)
			}
			// The API server refuses an event without any of these.
			if e.EventTime.IsZero() || e.ReportingController == "" || e.ReportingInstance != "run-a" || e.Action == "" {
				t.Errorf("the API server would refuse %+v", e)
			}
		})
	}
}

func TestALongNoteIsCutBetweenTwoCharacters(t *testing.T) {
	got := short(strings.Repeat("a", maxNote-1) + "äöü")
	if len(got) > maxNote || !utf8.ValidString(got) || len(got) < maxNote-1 {
		t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
	}
}
