package local

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	utilrand "k8s.io/apimachinery/pkg/util/rand"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

const appProbe = "probe"

// newProbePod presents the load generator to faults as a pod. On a cluster it is a separate
// pod; here it is part of this process, and its metrics at address are scraped through a
// proxy, so that a fault can cut Prometheus off. Faults cannot hit its process, which is the
// runner. The caller only has to close its proxy.
func newProbePod(ctx context.Context, hash, address string, logger *slog.Logger) (*pod, error) {
	ours := &proc{pid: os.Getpid(), since: time.Now(), done: make(chan struct{})}
	var err error
	if ours.start, err = startTime(ours.pid); err != nil {
		return nil, fmt.Errorf("pod of the load generator: %w", err)
	}
	p, err := newPod(ctx, fmt.Sprintf("%s-%s-%s", appProbe, hash, utilrand.String(5)), containerRuntime{}, logger)
	if err != nil {
		return nil, err
	}
	p.app = appProbe
	p.proxy.setUpstream(address)
	p.update(func() { p.current, p.starts = &container{proc: ours, address: address}, 1 })
	return p, nil
}

// probeAnswers serves the metrics of the load generator, and an empty answer with which its
// path is measured.
func probeAnswers(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(bulkPath, metrics)
	mux.HandleFunc(samplePath, func(http.ResponseWriter, *http.Request) {})
	return mux
}

// pods are those that selection may choose from: the fleet's and the load generator's.
func (e *Environment) pods() []fault.Pod {
	return append(e.fleet.describe(), e.probe.describe(e.cfg.Namespace, e.fleet.hash, true))
}

// find returns the pod with the UID, also a terminating one.
func (e *Environment) find(uid string) (*pod, bool) {
	if uid == e.probe.uid {
		return e.probe, true
	}
	return e.fleet.find(uid)
}

// wanted is the number of replicas of a workload.
func (e *Environment) wanted(workload string) int {
	if workload == "Deployment/"+e.probe.app {
		return 1
	}
	return e.cfg.Replicas
}

// blinds says whether one of the targets is the load generator, and refuses what cannot
// be done to it.
func (e *Environment) blinds(a action, targets []fault.Target) (bool, error) {
	for _, t := range targets {
		if t.UID != e.probe.uid {
			continue
		}
		if _, ok := a.(network); !ok {
			return false, cannot("%s is the load generator, which is a part of the runner on target local, so only NetworkChaos can hit it; run the experiment on a cluster", t.ID())
		}
		return true, nil
	}
	return false, nil
}
