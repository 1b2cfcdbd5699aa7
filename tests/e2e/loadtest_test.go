//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// asAdmin is the program with the rights of these tests: the runner's role may make no pods.
func (r runner) asAdmin(t *testing.T) runner {
	t.Helper()
	r.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	c := on.config
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters["e2e"] = &clientcmdapi.Cluster{Server: c.Host, CertificateAuthorityData: c.CAData, CertificateAuthority: c.CAFile}
	cfg.AuthInfos["runner"] = &clientcmdapi.AuthInfo{
		Token: c.BearerToken, ClientCertificateData: c.CertData, ClientKeyData: c.KeyData, ClientCertificate: c.CertFile, ClientKey: c.KeyFile,
	}
	cfg.Contexts["runner"] = &clientcmdapi.Context{Cluster: "e2e", AuthInfo: "runner"}
	if err := clientcmd.WriteToFile(*cfg, r.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestALoadTestOnTheCluster: each step is a pod, and the SLO is what Prometheus has of the
// platform's load generator beside it.
func TestALoadTestOnTheCluster(t *testing.T) {
	feature(t, "a load test", check{"says which rate three replicas sustain, and leaves no pod", func(ctx context.Context, t *testing.T) {
		awaitPods(ctx, t, monitorNamespace, monitorPods, 3)
		r := newRunner(ctx, t).asAdmin(t)
		bounded, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		cmd := r.command(bounded, "load-test", "--slo=monitor-latency", "--start=50", "--factor=2", "--max=100", "--settle=2s", "--hold=10s", "--format=json")
		text, err := cmd.Output()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			t.Fatalf("exit code %d: %s%s", exit.ExitCode(), text, exit.Stderr)
		} else if err != nil {
			t.Fatal(err)
		}
		var report struct {
			Verdict, Sentence string
			Sustained         struct {
				Rate   float64
				Client struct {
					Success, Errors uint64
					P99Seconds      float64
				}
				Replicas struct{ Ready, Wanted int }
				Slis     []struct{ Bad, Total float64 }
			}
			Steps []struct{ Outcome string }
		}
		if err := json.Unmarshal(text, &report); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		t.Logf("%s", text)
		s := report.Sustained
		if report.Verdict != "pass" || s.Rate != 100 || len(report.Steps) != 2 || s.Replicas.Ready != 3 || s.Replicas.Wanted != 3 {
			t.Errorf("%s: %s", report.Verdict, report.Sentence)
		}
		// The load lasts 12 s.
		if sent := s.Client.Success + s.Client.Errors; sent != 1200 || s.Client.P99Seconds <= 0 {
			t.Errorf("the load sent %d requests, want 1200; p99 %v s", sent, s.Client.P99Seconds)
		}
		if len(s.Slis) != 1 || s.Slis[0].Total < 100 {
			t.Errorf("Prometheus counted %+v, want at least 100 events", s.Slis)
		}
		left, err := on.CoreV1().Pods(monitorNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=load-test"})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range left.Items {
			if p.DeletionTimestamp == nil {
				t.Errorf("pod %s is left", p.Name)
			}
		}
	}})
}
