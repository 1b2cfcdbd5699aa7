package cluster

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// maxNote is how long the API server lets a note be, in bytes.
const maxNote = 1024

// Event is something that those who look at a workload should see: that it was
// under a fault, and how that ended.
type Event struct {
	Reason  string // FaultInjected, Verdict
	Action  string // what the runner did
	Warning bool
	Note    string
}

// Injected is the event at t0.
func Injected(experiment string, faults []string, targets int) Event {
	return Event{
		Reason: "FaultInjected", Action: "Inject", Warning: true,
		Note: fmt.Sprintf("experiment %s injected %s into %d pods of this workload", experiment, strings.Join(faults, ", "), targets),
	}
}

// Judged is the event at the end of a run. Anything but a pass is a warning.
func Judged(experiment, verdict, reason string) Event {
	note := "experiment " + experiment + " ended: " + verdict
	if reason != "" {
		note += ", " + reason
	}
	return Event{Reason: "Verdict", Action: "Judge", Warning: verdict != "pass", Note: note}
}

// Announce creates the event on a workload, in its namespace. It needs the right to
// create events of events.k8s.io and nothing else, so that events are not counted
// together: each stands for itself.
func Announce(ctx context.Context, client kubernetes.Interface, run fault.RunID, workload corev1.ObjectReference, e Event) error {
	kind := corev1.EventTypeNormal
	if e.Warning {
		kind = corev1.EventTypeWarning
	}
	_, err := client.EventsV1().Events(workload.Namespace).Create(ctx, &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: workload.Name + "-",
			Namespace:    workload.Namespace,
			Labels:       map[string]string{RunLabel: string(run), ManagedByLabel: ManagedBy},
		},
		EventTime:           metav1.NowMicro(),
		ReportingController: "ballast.dev/runner",
		ReportingInstance:   string(run),
		Action:              e.Action,
		Reason:              e.Reason,
		Regarding:           workload,
		Note:                short(e.Note),
		Type:                kind,
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create event %s on %s %s/%s: %w", e.Reason, workload.Kind, workload.Namespace, workload.Name, err)
	}
	return nil
}

// short cuts s to at most maxNote bytes, between two characters.
func short(s string) string {
	n := maxNote
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
