package cluster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	discoveryfake "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
)

func node(name, architecture string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{
		KernelVersion: "6.8.0", ContainerRuntimeVersion: "containerd://2.1.4", Architecture: architecture,
	}}}
}

func controllerOf(image string) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: controller},
		Spec:       appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Image: image}}}}},
	}
}

// runs is a pod of one container with the image that its runtime says.
func runs(namespace, name, image string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "monitor", ImageID: image}}},
	}
}

func TestTheFactsOfAClusterAreReadWhereTheyMayBe(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	later := metav1.NewTime(at.Add(time.Hour))
	capabilities := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: capabilitiesNamespace, Name: capabilitiesName, CreationTimestamp: metav1.NewTime(at),
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl", Time: &later}},
	}}
	for name, tc := range map[string]struct {
		objects []runtime.Object
		denied  []string // resources
		want    Facts
	}{
		"all of them": {
			[]runtime.Object{
				node("a", "amd64"), node("b", "arm64"), node("c", "amd64"), controllerOf("registry.example:5000/chaos-mesh:v2.8.3"), capabilities,
				runs("monitor", "one", "registry.example/monitor@sha256:bb"), runs("monitor", "two", "sha256:aa"), runs("monitor", "three", "sha256:bb"),
				runs("monitor", "new", ""), runs("elsewhere", "one", "sha256:cc"),
			},
			nil,
			Facts{
				Images:     map[string][]string{"monitor": {"sha256:aa", "sha256:bb"}},
				Kubernetes: "v1.34.4", Identity: "me", ChaosMesh: "v2.8.3", Capabilities: later.Time, Unread: map[string]string{},
				Nodes: []Nodes{{2, "6.8.0", "containerd://2.1.4", "amd64"}, {1, "6.8.0", "containerd://2.1.4", "arm64"}},
			},
		},
		"with the rights of the runner alone": {
			[]runtime.Object{controllerOf("chaos-mesh:v2.8.3@sha256:00"), capabilities},
			[]string{"nodes", "pods"},
			Facts{Kubernetes: "v1.34.4", Identity: "me", ChaosMesh: "v2.8.3", Capabilities: later.Time, Unread: map[string]string{FactNodes: "this user may not", FactImages: "this user may not"}},
		},
		"an image without a tag, and no capabilities": {
			[]runtime.Object{node("a", "amd64"), controllerOf("registry.example:5000/chaos-mesh")},
			nil,
			Facts{
				Images: map[string][]string{}, Kubernetes: "v1.34.4", Identity: "me", Nodes: []Nodes{{1, "6.8.0", "containerd://2.1.4", "amd64"}},
				Unread: map[string]string{FactChaosMesh: "the images of Deployment chaos-controller-manager have no tag", FactCapabilities: "there is none"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(tc.objects...)
			as[*discoveryfake.FakeDiscovery](client.Discovery()).FakedServerVersion = &version.Info{GitVersion: "v1.34.4"}
			react(&client.Fake, "create", "selfsubjectreviews", func(ktesting.Action) (bool, runtime.Object, error) {
				return true, &authenticationv1.SelfSubjectReview{Status: authenticationv1.SelfSubjectReviewStatus{UserInfo: authenticationv1.UserInfo{Username: "me"}}}, nil
			})
			for _, resource := range tc.denied {
				react(&client.Fake, "*", resource, func(ktesting.Action) (bool, runtime.Object, error) {
					return true, nil, apierrors.NewForbidden(corev1.Resource(resource), "", nil)
				})
			}
			c := &Cluster{Connection: &Connection{Kubernetes: client}, cfg: Config{Namespace: "monitor", SystemNamespace: system}}
			if diff := cmp.Diff(tc.want, c.Facts(t.Context())); diff != "" {
				t.Errorf("want − and got +:\n%s", diff)
			}
		})
	}
}
