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

// newProbePod is the load generator as a fault sees it. On a cluster it is a pod of its
// own; here it is a part of this process, and what it serves at address answers behind a
// proxy, so that Prometheus may lose sight of it as of any replica. Nothing can be done to
// its process, which is ours. Closing its proxy is all that it owes.
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

// probeAnswers are the metrics of the load generator, and an answer by which its path is
// measured.
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

// wanted is how many pods a workload asks for.
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
			return false, cannot("%s is the load generator, which is a part of the runner here: only NetworkChaos can be done to it; run it on a cluster", t.ID())
		}
		return true, nil
	}
	return false, nil
}
