package cluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func TestEventsOfTheWindowAreSaid(t *testing.T) {
	from := time.Date(2026, 3, 4, 12, 0, 0, 500_000_000, time.UTC)
	event := func(name, ns string, change func(*eventsv1.Event)) *eventsv1.Event {
		e := &eventsv1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns}, Type: "Warning", Reason: "Unhealthy", Note: name,
			Regarding: corev1.ObjectReference{Kind: "Pod", Name: "monitor-a"},
		}
		change(e)
		return e
	}
	client := fake.NewClientset(
		event("by its time", "monitor", func(e *eventsv1.Event) { e.EventTime = metav1.NewMicroTime(from.Add(time.Second)) }),
		event("by the old field", "monitor", func(e *eventsv1.Event) { e.DeprecatedLastTimestamp = metav1.NewTime(from.Truncate(time.Second)) }),
		event("as a series", "monitor", func(e *eventsv1.Event) {
			e.EventTime = metav1.NewMicroTime(from.Add(-time.Hour))
			e.Series = &eventsv1.EventSeries{LastObservedTime: metav1.NewMicroTime(from.Add(2 * time.Second))}
		}),
		event("long ago", "monitor", func(e *eventsv1.Event) { e.EventTime = metav1.NewMicroTime(from.Add(-time.Hour)) }),
		event("elsewhere", "other", func(e *eventsv1.Event) { e.EventTime = metav1.NewMicroTime(from.Add(time.Second)) }),
	)
	target := (&Cluster{Connection: &Connection{Kubernetes: client}}).Target("run", "x", nil)
	plan := fault.Plan{Faults: []fault.Planned{{Targets: []fault.Target{{Namespace: "monitor", Pod: "monitor-a"}}}}}
	lines, missing := target.Said(t.Context(), plan, from, from.Add(time.Minute))
	if len(lines) != 3 || len(missing) != 1 || !strings.Contains(missing[0], "logs of pods are not read") {
		t.Fatalf("%+v\n%v", lines, missing)
	}
	for _, l := range lines {
		if l.Source != "Pod/monitor-a" || !strings.HasPrefix(l.Text, "Warning Unhealthy: ") || l.At.Before(from) {
			t.Errorf("got %+v", l)
		}
	}
	client.PrependReactor("list", "events", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("forbidden") })
	lines, missing = target.Said(t.Context(), plan, from, from.Add(time.Minute))
	if len(lines) != 0 || len(missing) != 2 || missing[1] != "events of namespace monitor: forbidden" {
		t.Errorf("without the right: %v %v", lines, missing)
	}
}
