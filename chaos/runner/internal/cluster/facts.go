package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Facts are what a reader of a report wants to know of the cluster. What could not be read
// is empty, and its reason in Unread.
type Facts struct {
	Kubernetes string // version of the API server
	Identity   string // the user as the API server knows it
	Nodes      []Nodes
	ChaosMesh  string // version
	// Images are the digests of the images that run in the namespace of the workload, by
	// the name of the container; several during a rollout.
	Images map[string][]string
	// Capabilities is when they were published; zero when they are not.
	Capabilities time.Time
	// Unread has the reason by the name of what was not read.
	Unread map[string]string
}

// Nodes are some of one sort.
type Nodes struct {
	Count        int
	Kernel       string
	Runtime      string
	Architecture string
}

// The names of what may not be read.
const (
	FactKubernetes   = "kubernetes"
	FactIdentity     = "identity"
	FactNodes        = "nodes"
	FactChaosMesh    = "chaosMesh"
	FactCapabilities = "capabilities"
	FactImages       = "images"
)

// controller is the Deployment of Chaos Mesh that writes its version.
const controller = "chaos-controller-manager"

// factsTimeout bounds all questions together: a report is worth no long wait.
const factsTimeout = 5 * time.Second

// Facts asks for all facts side by side, each once. It blocks for factsTimeout, or for as
// long as client-go waits for the version of an API server that does not answer. It never
// fails: most users may not read all of them.
func (c *Cluster) Facts(ctx context.Context) Facts {
	ctx, cancel := context.WithTimeout(ctx, factsTimeout)
	defer cancel()
	out := Facts{Unread: map[string]string{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for name, ask := range map[string]func(context.Context, *Facts) (func(), error){
		FactKubernetes: c.version, FactIdentity: c.identity, FactNodes: c.nodes, FactChaosMesh: c.chaosMesh, FactCapabilities: c.published,
		FactImages: c.images,
	} {
		wg.Go(func() {
			set, err := ask(ctx, &out)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case apierrors.IsForbidden(err):
				out.Unread[name] = "this user may not"
			case apierrors.IsNotFound(err):
				out.Unread[name] = "there is none"
			case err != nil:
				out.Unread[name] = err.Error()
			default:
				set()
			}
		})
	}
	wg.Wait()
	return out
}

func (c *Cluster) version(ctx context.Context, f *Facts) (func(), error) {
	v, err := c.Kubernetes.Discovery().ServerVersion()
	if err != nil {
		return nil, err
	}
	return func() { f.Kubernetes = v.GitVersion }, ctx.Err()
}

func (c *Cluster) identity(ctx context.Context, f *Facts) (func(), error) {
	me, err := c.Kubernetes.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return func() { f.Identity = me.Status.UserInfo.Username }, nil
}

// nodes counts them by what faults depend on, the most first.
func (c *Cluster) nodes(ctx context.Context, f *Facts) (func(), error) {
	list, err := c.Kubernetes.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	count := map[Nodes]int{}
	for _, n := range list.Items {
		i := n.Status.NodeInfo
		count[Nodes{Kernel: i.KernelVersion, Runtime: i.ContainerRuntimeVersion, Architecture: i.Architecture}]++
	}
	var out []Nodes
	for n, many := range count {
		n.Count = many
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b Nodes) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	return func() { f.Nodes = out }, nil
}

// chaosMesh is the tag of the controller's image.
func (c *Cluster) chaosMesh(ctx context.Context, f *Facts) (func(), error) {
	d, err := c.Kubernetes.AppsV1().Deployments(c.cfg.SystemNamespace).Get(ctx, controller, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	for _, container := range d.Spec.Template.Spec.Containers {
		image, _, _ := strings.Cut(container.Image, "@")
		if _, tag, ok := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":"); ok {
			return func() { f.ChaosMesh = tag }, nil
		}
	}
	if v := d.Labels["app.kubernetes.io/version"]; v != "" {
		return func() { f.ChaosMesh = v }, nil
	}
	return nil, fmt.Errorf("the images of Deployment %s have no tag", controller)
}

// published is when somebody wrote the capabilities last.
func (c *Cluster) published(ctx context.Context, f *Facts) (func(), error) {
	m, err := c.Kubernetes.CoreV1().ConfigMaps(capabilitiesNamespace).Get(ctx, capabilitiesName, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	at := m.CreationTimestamp.Time
	for _, by := range m.ManagedFields {
		if by.Time != nil && by.Time.After(at) {
			at = by.Time.Time
		}
	}
	return func() { f.Capabilities = at }, nil
}

// images are the digests of what runs, as the container runtime says.
func (c *Cluster) images(ctx context.Context, f *Facts) (func(), error) {
	list, err := c.Kubernetes.CoreV1().Pods(c.cfg.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	digests := map[string][]string{}
	for _, p := range list.Items {
		for _, s := range p.Status.ContainerStatuses {
			// registry/name@sha256:…, or the digest alone.
			digest := s.ImageID[strings.LastIndexByte(s.ImageID, '@')+1:]
			if strings.HasPrefix(digest, "sha256:") && !slices.Contains(digests[s.Name], digest) {
				digests[s.Name] = append(digests[s.Name], digest)
				slices.Sort(digests[s.Name])
			}
		}
	}
	return func() { f.Images = digests }, nil
}
