package kind

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	kindcluster "sigs.k8s.io/kind/pkg/cluster"
	kindexec "sigs.k8s.io/kind/pkg/exec"
)

// maker is what a cluster needs of the library kind.
type maker interface {
	List() ([]string, error)
	create(config *v1alpha4.Cluster, kubeconfig string) error
	Delete(name, kubeconfig string) error
	CollectLogs(name, dir string) error
}

// library is kind as this package uses it.
type library struct{ *kindcluster.Provider }

// create blocks until the control plane is ready. No context ends it: what Docker is
// asked for in between fails when Docker does.
func (l library) create(config *v1alpha4.Cluster, kubeconfig string) error {
	return withOutput(l.Create(config.Name,
		kindcluster.CreateWithV1Alpha4Config(config), kindcluster.CreateWithKubeconfigPath(kubeconfig),
		kindcluster.CreateWithWaitForReady(5*time.Minute),
		kindcluster.CreateWithDisplayUsage(false), kindcluster.CreateWithDisplaySalutation(false)))
}

// withOutput adds what the command told that failed: the error itself says no more
// than with which exit status.
func withOutput(err error) error {
	failed := kindexec.RunErrorForError(err)
	if failed == nil || len(failed.Output) == 0 {
		return err
	}
	return fmt.Errorf("%w; the end of its output:\n%s", err, lastLines([]byte(withoutTraces(string(failed.Output))), 20))
}

// withoutTraces leaves out the stacks of Go programs, which hide what kubeadm told
// before: for each frame a line, and below it where that is in the source.
func withoutTraces(text string) string {
	place := regexp.MustCompile(`^\t\S+\.(go|s):\d+`)
	var kept []string
	for line := range strings.Lines(text) {
		if !place.MatchString(line) {
			kept = append(kept, line)
		} else if len(kept) > 0 {
			kept = kept[:len(kept)-1]
		}
	}
	return strings.Join(kept, "")
}
