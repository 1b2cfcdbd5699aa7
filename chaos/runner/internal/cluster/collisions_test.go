package cluster

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAPlanNamesTheRunThatHoldsWhatItNeeds(t *testing.T) {
	mine := Needs{Workloads: []string{"monitor/deployment/monitor"}, Series: []string{"slo/availability"}}
	ended := deadLease("over", mine)
	ended.Spec.HolderIdentity = nil
	unreadable := deadLease("garbled", mine)
	unreadable.Annotations[needsAnnotation] = "{"
	for name, tc := range map[string]struct {
		lease *coordinationv1.Lease
		alive bool
		says  []string
	}{
		"nobody runs":             {nil, false, nil},
		"another workload":        {deadLease("other", Needs{Workloads: []string{"shop/deployment/shop"}}), true, nil},
		"a run that has ended":    {ended, false, nil},
		"a run on the workload":   {deadLease("first", Needs{Workloads: mine.Workloads}), true, []string{"run first of experiment of-first", "started by somebody@elsewhere at ", "has workload monitor/deployment/monitor; a run waits until that one ends"}},
		"a run on the SLO":        {deadLease("first", Needs{Series: mine.Series}), true, []string{"has series slo/availability"}},
		"a run that nobody knows": {unreadable, true, []string{"something that cannot be read"}},
		"a run that is dead":      {deadLease("first", mine), false, []string{"nobody renews its lease", "ballast sweep"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newLeases(t)
				if tc.lease != nil {
					lease := tc.lease.DeepCopy()
					lease.CreationTimestamp = metav1.NewTime(time.Now())
					if err := client.Tracker().Add(lease); err != nil {
						t.Fatal(err)
					}
				}
				stop := make(chan struct{})
				done := make(chan struct{})
				go func() {
					defer close(done)
					for tc.alive {
						select {
						case <-stop:
							return
						case <-time.After(5 * time.Second):
						}
						l := tc.lease.DeepCopy()
						now := metav1.NewMicroTime(time.Now())
						l.Spec.RenewTime = &now
						if _, err := client.CoordinationV1().Leases(system).Update(t.Context(), l, metav1.UpdateOptions{}); err != nil {
							t.Error(err)
						}
					}
				}()
				c := &Cluster{Connection: &Connection{Kubernetes: client}, cfg: Config{SystemNamespace: system}}
				found, err := c.Collisions(t.Context(), mine)
				close(stop)
				<-done
				if err != nil || (len(found) > 0) != (len(tc.says) > 0) {
					t.Fatalf("%v, %v", found, err)
				}
				for _, s := range tc.says {
					if got := found[0].String(); !strings.Contains(got, s) {
						t.Errorf("%q does not say %q", got, s)
					}
				}
			})
		})
	}
}
