package cluster

import (
	"context"
	"fmt"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// maxEvents of one namespace are read; the API server keeps them for an hour.
const maxEvents = 1000

// Said returns the events of the namespaces that the plan hits. Logs of pods are left to
// the cluster's own store. It needs the right to list events; without it, it says so.
func (t *Target) Said(ctx context.Context, p fault.Plan, from, to time.Time) (lines []fault.Said, missing []string) {
	missing = append(missing, "logs of pods are not read on a cluster: look for this window in its log store")
	for _, ns := range namespacesOf(p) {
		list, err := t.Kubernetes.EventsV1().Events(ns).List(ctx, metav1.ListOptions{Limit: maxEvents})
		if err != nil {
			missing = append(missing, fmt.Sprintf("events of namespace %s: %v", ns, err))
			continue
		}
		if list.Continue != "" {
			missing = append(missing, fmt.Sprintf("events of namespace %s: only %d of them were read", ns, maxEvents))
		}
		for _, e := range list.Items {
			at := happened(e)
			if at.Before(from.Truncate(time.Second)) || at.After(to) {
				continue
			}
			// Older events have whole seconds.
			if at.Before(from) {
				at = from
			}
			lines = append(lines, fault.Said{At: at, Source: e.Regarding.Kind + "/" + e.Regarding.Name, Text: e.Type + " " + e.Reason + ": " + e.Note})
		}
	}
	return lines, missing
}

// happened is when an event was last seen. Its fields depend on which API it was made with.
func happened(e eventsv1.Event) time.Time {
	switch {
	case e.Series != nil && !e.Series.LastObservedTime.IsZero():
		return e.Series.LastObservedTime.Time
	case !e.DeprecatedLastTimestamp.IsZero():
		return e.DeprecatedLastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}
