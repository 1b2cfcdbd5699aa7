//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/ballast-sre/ballast/tests/e2e/loss"
)

// pace is how fast requests are sent, and for how long.
type pace struct {
	perSecond int
	duration  time.Duration
}

// counts are what clients saw of a load: each request that was due has one outcome.
type counts struct {
	Scheduled, Success, Errors uint64
	// Failures are errors by reason.
	Failures map[string]uint64
	// failed are those of which the load generator wrote a line: the first 100 of a
	// burst.
	failed []loss.Failure
}

func (c counts) String() string {
	text := fmt.Sprintf("%d of %d requests were lost", c.Errors, c.Scheduled)
	if c.Errors == 0 {
		return text
	}
	text += fmt.Sprintf(": %v", c.Failures)
	for _, f := range c.failed {
		text += "\n  " + f.String()
	}
	return text
}

// generator is a load that runs on the cluster.
type generator struct {
	ns, pod string
	pace    pace
}

// load starts open-loop load from a pod beside the service, and returns when it runs.
// Policies know a new pod only a little after it has started: it sends uncounted load
// first. It has a share of the processor, or it would measure how it is starved
// itself, and asks the DNS for the name as it is: with a search list every new
// connection is ten questions.
func load(ctx context.Context, t *testing.T, ns, url string, p pace) generator {
	t.Helper()
	g := generator{ns, random("load"), p}
	pod := hardened(g.pod, imageOf(ctx, t, "probe"), "load", fmt.Sprintf("--rate=%d", p.perSecond), "--duration="+p.duration.String(), url)
	pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}
	one := "1"
	pod.Spec.DNSConfig = &corev1.PodDNSConfig{Options: []corev1.PodDNSConfigOption{{Name: "ndots", Value: &one}}}
	first := pod.Spec.Containers[0]
	first.Name, first.Args = "first", []string{"load", "--rate=20", "--duration=5s", url}
	pod.Spec.InitContainers = []corev1.Container{first}
	start(ctx, t, ns, pod)
	awaitPhase(ctx, t, ns, g.pod, time.Minute, corev1.PodRunning, corev1.PodSucceeded)
	time.Sleep(2 * time.Second) // its connections are made, and there is something to lose
	return g
}

// result blocks until the load has ended, and returns what its clients saw. The test
// fails if it had ended already, as the rest of what it was to watch went unseen.
func (g generator) result(ctx context.Context, t *testing.T) counts {
	t.Helper()
	if phase := awaitPhase(ctx, t, g.ns, g.pod, time.Minute, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed); phase != corev1.PodRunning {
		t.Errorf("the load of %s had ended before what it was to watch: %s", g.pace.duration, phase)
	}
	phase := awaitPhase(ctx, t, g.ns, g.pod, g.pace.duration+time.Minute, corev1.PodSucceeded, corev1.PodFailed)
	text, err := logsOf(ctx, g.ns, g.pod)
	if err != nil {
		t.Fatal(err)
	}
	var c counts
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, `{"`) && strings.Contains(line, `"scheduled"`) && !strings.Contains(line, `"msg"`) {
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatalf("what the load counted: %v: %s", err, line)
			}
		}
	}
	if c.Scheduled == 0 {
		t.Fatalf("the load ended %s without counts: %s", phase, text)
	}
	if c.failed, err = loss.Failures([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if c.Success+c.Errors != c.Scheduled {
		t.Errorf("%d requests were scheduled, and %d succeeded or failed", c.Scheduled, c.Success+c.Errors)
	}
	return c
}

// sendLag prints by how much the probe was behind its schedule from a time on. Without
// it, nobody can tell a machine that starves the load generator from a platform that
// loses requests. It excuses no failure.
func sendLag(ctx context.Context, t *testing.T, since time.Time) {
	t.Helper()
	const query = `histogram_quantile(0.99, sum by (le) (increase(probe_send_lag_seconds_bucket{job="probe",probe="monitor"}[%ds])))`
	var lag float64
	// An increase takes two scrapes, 2 s apart. What was done since may have taken less.
	await(ctx, t, 30*time.Second, "the probe's send lag", func(ctx context.Context) (bool, string) {
		var answer struct{ Result []struct{ Value [2]any } }
		err := prometheus(ctx, "query", &answer, "query", fmt.Sprintf(query, int(math.Ceil(time.Since(since).Seconds()))))
		if err != nil || len(answer.Result) != 1 {
			return false, seeing(err, fmt.Sprintf("%d values, want 1", len(answer.Result)))
		}
		text := fmt.Sprint(answer.Result[0].Value[1])
		lag, err = strconv.ParseFloat(text, 64)
		return err == nil && !math.IsNaN(lag), seeing(err, text)
	})
	t.Logf("SEND LAG p99 %.4f s", lag)
}
