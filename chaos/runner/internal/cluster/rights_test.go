package cluster

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func TestEveryRightThatIsMissingIsNamed(t *testing.T) {
	kill := decoded(t, "kind: PodChaos\nmetadata: {name: k, namespace: shop}\nspec: {action: pod-kill, mode: one, selector: {namespaces: [front, back], labelSelectors: {app: monitor}}}\n")
	for name, tc := range map[string]struct {
		denied func(authorizationv1.ResourceAttributes) bool
		fails  error
		says   []string
	}{
		"all are there": {func(authorizationv1.ResourceAttributes) bool { return false }, nil, nil},
		"two are missing": {
			func(a authorizationv1.ResourceAttributes) bool {
				return a.Resource == "leases" && a.Verb == "delete" || a.Resource == "podchaos" && a.Verb == "create" && a.Namespace == "shop"
			}, ErrForbidden,
			[]string{"create podchaos.chaos-mesh.org in namespace shop", "delete leases.coordination.k8s.io in namespace system"},
		},
		"the pods of one namespace cannot be seen": {
			func(a authorizationv1.ResourceAttributes) bool { return a.Resource == "pods" && a.Namespace == "back" }, ErrForbidden,
			[]string{"list pods in namespace back", "watch pods in namespace back"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			client.PrependReactor("create", "selfsubjectaccessreviews", func(a ktesting.Action) (bool, runtime.Object, error) {
				review := a.(ktesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview) //nolint:errcheck,forcetypeassert // it is one
				review.Status.Allowed = !tc.denied(*review.Spec.ResourceAttributes)
				return true, review, nil
			})
			c := &Cluster{Connection: &Connection{Kubernetes: client}, cfg: Config{Namespace: "monitor"}}
			err := c.Rights(t.Context(), []fault.Fault{kill}, "system")
			if !errors.Is(err, tc.fails) {
				t.Fatalf("%v", err)
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%v does not say %q", err, s)
				}
			}
			if tc.says != nil && len(strings.Split(err.Error(), "\n")) != len(tc.says) {
				t.Errorf("it says more: %v", err)
			}
		})
	}
}

func TestAPlanListsTheRightsThatARunNeeds(t *testing.T) {
	kill := decoded(t, "kind: PodChaos\nmetadata: {name: k}\nspec: {action: pod-kill, mode: one, selector: {labelSelectors: {app: monitor}}}\n")
	for name, tc := range map[string]struct {
		denied func(authorizationv1.ResourceAttributes) bool
		reads  bool
		want   Right
	}{
		"all are there": {
			func(authorizationv1.ResourceAttributes) bool { return false }, true,
			Right{Namespace: "monitor", Resource: "podchaos.chaos-mesh.org", Verbs: []string{"create", "get", "list", "watch", "delete"}},
		},
		"one to inject is missing": {
			func(a authorizationv1.ResourceAttributes) bool { return a.Resource == "podchaos" && a.Verb == "create" }, true,
			Right{Namespace: "monitor", Resource: "podchaos.chaos-mesh.org", Verbs: []string{"create", "get", "list", "watch", "delete"}, Missing: []string{"create"}},
		},
		"the lease is missing": {
			func(a authorizationv1.ResourceAttributes) bool { return a.Resource == "leases" }, true,
			Right{Namespace: "system", Resource: "leases.coordination.k8s.io", Verbs: []string{"create", "get", "list", "watch", "update", "delete"}, Missing: []string{"create", "get", "list", "watch", "update", "delete"}},
		},
		"one to read is missing": {
			func(a authorizationv1.ResourceAttributes) bool { return a.Resource == "pods" && a.Verb == "watch" }, false,
			Right{Namespace: "monitor", Resource: "pods", Verbs: []string{"list", "watch"}, Missing: []string{"watch"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			client.PrependReactor("create", "selfsubjectaccessreviews", func(a ktesting.Action) (bool, runtime.Object, error) {
				review := a.(ktesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview) //nolint:errcheck,forcetypeassert // it is one
				review.Status.Allowed = !tc.denied(*review.Spec.ResourceAttributes)
				return true, review, nil
			})
			c := &Cluster{Connection: &Connection{Kubernetes: client}, cfg: Config{Namespace: "monitor"}}
			got, reads, err := c.Reviewed(t.Context(), []fault.Fault{kill}, "system")
			if err != nil || reads != tc.reads {
				t.Errorf("reads %t, %v", reads, err)
			}
			if !slices.ContainsFunc(got, func(r Right) bool { return reflect.DeepEqual(r, tc.want) }) {
				t.Errorf("%+v is not among %+v", tc.want, got)
			}
		})
	}
	t.Run("the API server does not answer", func(t *testing.T) {
		client := fake.NewClientset()
		client.PrependReactor("create", "selfsubjectaccessreviews", func(ktesting.Action) (bool, runtime.Object, error) {
			return true, nil, errors.New("connection refused")
		})
		c := &Cluster{Connection: &Connection{Kubernetes: client}, cfg: Config{Namespace: "monitor"}}
		if got, _, err := c.Reviewed(t.Context(), []fault.Fault{kill}, "system"); !errors.Is(err, fault.ErrUnreachable) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestTheFarEndOfTrafficNeedsRightsToo(t *testing.T) {
	cut := decoded(t, "kind: NetworkChaos\nmetadata: {name: k}\nspec: {action: partition, mode: one, direction: to, selector: {labelSelectors: {app: monitor}}, target: {mode: all, selector: {namespaces: [observability], labelSelectors: {app: prometheus}}}}\n")
	client := fake.NewClientset()
	client.PrependReactor("create", "selfsubjectaccessreviews", func(a ktesting.Action) (bool, runtime.Object, error) {
		review := as[*authorizationv1.SelfSubjectAccessReview](as[ktesting.CreateAction](a).GetObject())
		review.Status.Allowed = review.Spec.ResourceAttributes.Namespace != "observability"
		return true, review, nil
	})
	c := &Cluster{Connection: &Connection{Kubernetes: client}, cfg: Config{Namespace: "monitor"}}
	err := c.Rights(t.Context(), []fault.Fault{cut}, "system")
	if !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "create networkchaos.chaos-mesh.org in namespace observability") {
		t.Errorf("%v", err)
	}
}
