package cluster

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAPodBacksOffForTenMinutesAfterAContainerEnded(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ended := func(ago time.Duration) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(now.Add(-ago))}
	}
	for sentence, tt := range map[string]struct {
		status corev1.ContainerStatus
		want   bool
	}{
		"a container that never ended":         {corev1.ContainerStatus{}, false},
		"one that ended a minute ago":          {corev1.ContainerStatus{LastTerminationState: corev1.ContainerState{Terminated: ended(time.Minute)}}, true},
		"one that ended eleven minutes ago":    {corev1.ContainerStatus{LastTerminationState: corev1.ContainerState{Terminated: ended(11 * time.Minute)}}, false},
		"one that has ended and waits":         {corev1.ContainerStatus{State: corev1.ContainerState{Terminated: ended(time.Second)}}, true},
		"one that ended long ago and just now": {corev1.ContainerStatus{State: corev1.ContainerState{Terminated: ended(time.Second)}, LastTerminationState: corev1.ContainerState{Terminated: ended(time.Hour)}}, true},
	} {
		t.Run(sentence, func(t *testing.T) {
			p := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{}, tt.status}}}
			if got := backsOff(p, now); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
