// Package policy is what the pods of this platform have to keep to, whoever renders them.
package policy

import (
	"fmt"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
)

// Object is what every kind is.
type Object interface {
	metav1.Object
	runtime.Object
}

// Scheme knows the kinds that charts may render, and no other.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		admissionv1.AddToScheme, appsv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme,
		networkingv1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme, monitoringv1.AddToScheme,
	} {
		if err := add(s); err != nil {
			return nil, fmt.Errorf("kinds of Kubernetes: %w", err)
		}
	}
	// Azure's managed Prometheus serves the same types under a group of its own.
	azure := schema.GroupVersion{Group: "azmonitoring.coreos.com", Version: "v1"}
	s.AddKnownTypes(azure, &monitoringv1.ServiceMonitor{}, &monitoringv1.PodMonitor{})
	return s, nil
}

// Decode reads a document into the type that the API server has for it. A kind that is not
// known, a field that does not exist and one that is given twice are errors.
func Decode(s *runtime.Scheme, text []byte) (Object, error) {
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, s, s, json.SerializerOptions{Yaml: true, Strict: true})
	o, _, err := strict.Decode(text, nil, nil)
	if err != nil {
		return nil, err
	}
	named, ok := o.(Object)
	if !ok {
		return nil, fmt.Errorf("%T has no name", o)
	}
	return named, nil
}
