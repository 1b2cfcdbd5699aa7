package cluster

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// application is one of Argo CD that manages the deployment monitor.
func application(name string, automated map[string]any) *unstructured.Unstructured {
	spec := map[string]any{}
	if automated != nil {
		spec["syncPolicy"] = map[string]any{"automated": automated}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"metadata": map[string]any{"namespace": "argocd", "name": name},
		"spec":     spec,
		"status": map[string]any{"resources": []any{
			map[string]any{"group": "apps", "kind": "Deployment", "namespace": "monitor", "name": "monitor"},
		}},
	}}
}

func TestAdviceSaysWhetherArgoCDInterferes(t *testing.T) {
	annotated := map[string]string{trackingAnnotation: "shop:apps/Deployment:monitor/monitor"}
	labelled := map[string]string{trackingLabel: "shop"}
	for name, tc := range map[string]struct {
		annotations, labels map[string]string
		apps                []runtime.Object
		denied              bool
		says, not           string
	}{
		"nothing marks it":                     {nil, nil, []runtime.Object{application("shop", nil)}, false, "", "Argo CD"},
		"self-heal is on":                      {annotated, nil, []runtime.Object{application("shop", map[string]any{"selfHeal": true})}, false, "application shop, and self-heal is on", ""},
		"self-heal is off":                     {annotated, nil, []runtime.Object{application("shop", map[string]any{"prune": true})}, false, "self-heal is off", ""},
		"it is synced by hand":                 {annotated, nil, []runtime.Object{application("shop", nil)}, false, "synced by hand", ""},
		"its automation is off":                {annotated, nil, []runtime.Object{application("shop", map[string]any{"enabled": false, "selfHeal": true})}, false, "synced by hand", ""},
		"the application is gone":              {annotated, nil, []runtime.Object{application("other", nil)}, false, "which does not exist", ""},
		"an application of another namespace":  {map[string]string{trackingAnnotation: "team_shop:apps/Deployment:monitor/monitor"}, nil, []runtime.Object{application("shop", map[string]any{"selfHeal": true})}, false, "self-heal is on", ""},
		"the label marks it":                   {nil, labelled, []runtime.Object{application("shop", map[string]any{"selfHeal": true})}, false, "self-heal is on", ""},
		"the label is that of another program": {nil, labelled, []runtime.Object{application("other", nil)}, false, "", "Argo CD"},
		"the label is that of Helm":            {map[string]string{releaseAnnotation: "shop"}, labelled, nil, true, "", "Argo CD"},
		"nobody may read applications":         {annotated, nil, nil, true, "whether that heals itself cannot be read", ""},
		"a label, and nobody may read":         {nil, labelled, nil, true, "label app.kubernetes.io/instance: shop", ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := platform(t, three()...)
			three := int32(3)
			deployment := &appsv1.Deployment{
				ObjectMeta: metav1.ObjectMeta{Namespace: "monitor", Name: "monitor", Annotations: tc.annotations, Labels: tc.labels},
				Spec:       appsv1.DeploymentSpec{Replicas: &three},
			}
			if _, err := target.Kubernetes.AppsV1().Deployments("monitor").Update(t.Context(), deployment, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
				map[schema.GroupVersionResource]string{applicationResource: "ApplicationList"}, tc.apps...)
			if tc.denied {
				react(&client.Fake, "list", "applications", func(clienttesting.Action) (bool, runtime.Object, error) {
					return true, nil, apierrors.NewForbidden(applicationResource.GroupResource(), "", nil)
				})
			}
			target.Dynamic = client
			plan, err := target.Plan(t.Context(), "run", []fault.Fault{decoded(t, killTwo)})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(target.Advice(t.Context(), plan), "\n")
			if !strings.Contains(got, tc.says) || tc.not != "" && strings.Contains(got, tc.not) {
				t.Errorf("it does not say %q, or says %q:\n%s", tc.says, tc.not, got)
			}
		})
	}
}
