package manifest

import (
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/applyconfigurations"

	"github.com/ballast-sre/ballast/platform/policy"
)

// Check returns what the API server would refuse of an object that Decode has read: names,
// labels and annotations beyond their limits, a list of server-side apply that has a key
// twice, and values that contradict each other. Decode has refused fields that there are not
// and values of another type.
func Check(o policy.Object) field.ErrorList {
	all := metadata(o)
	if len(all) == 0 {
		all = append(all, applied(o)...)
	}
	if t := templateOf(o); t != nil {
		all = append(all, t.check()...)
	}
	return append(all, byKind(o)...)
}

// converter knows how lists of Kubernetes' own kinds are merged. What it reads is large, and
// is read once.
//
//nolint:gochecknoglobals // A cache of what is compiled in.
var converter = sync.OnceValues(func() (managedfields.TypeConverter, error) {
	s, err := policy.Scheme()
	if err != nil {
		return nil, err
	}
	return applyconfigurations.NewTypeConverter(s), nil
})

// applied is what server-side apply refuses: Argo CD applies that way.
func applied(o policy.Object) field.ErrorList {
	// Of other kinds the API server has its definitions, which are not here.
	group := o.GetObjectKind().GroupVersionKind().Group
	if strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io") {
		return nil
	}
	c, err := converter()
	if err != nil {
		return field.ErrorList{field.InternalError(nil, err)}
	}
	if _, err := c.ObjectToTyped(o); err != nil {
		return field.ErrorList{field.Invalid(field.NewPath(""), o.GetName(), strings.Join(strings.Fields(err.Error()), " "))}
	}
	return nil
}

// nameOf is the form that the name of a kind has.
func nameOf(o policy.Object) validation.ValidateNameFunc {
	switch o.(type) {
	case *corev1.Service:
		return validation.NameIsDNS1035Label
	case *corev1.Namespace:
		return validation.NameIsDNSLabel
	case *rbacv1.Role, *rbacv1.RoleBinding, *rbacv1.ClusterRole, *rbacv1.ClusterRoleBinding:
		return segment
	case *batchv1.CronJob:
		// The controller appends eleven characters for the Job.
		return limited(52)
	case *batchv1.Job, *appsv1.StatefulSet:
		// The name is a label of the pods.
		return limited(63)
	}
	return validation.NameIsDNSSubdomain
}

// segment allows what can be one part of a URL's path.
func segment(name string, _ bool) []string { return content.IsPathSegmentName(name) }

func limited(most int) validation.ValidateNameFunc {
	return func(name string, prefix bool) []string {
		found := validation.NameIsDNSSubdomain(name, prefix)
		if len(name) > most {
			found = append(found, field.TooLong(nil, name, most).ErrorBody())
		}
		return found
	}
}

// Clusterwide says whether objects of a kind are in no namespace.
func Clusterwide(kind string) bool {
	switch kind {
	case "Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "StorageClass", "PersistentVolume", "PriorityClass",
		"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding":
		return true
	}
	return false
}

func metadata(o policy.Object) field.ErrorList {
	at := field.NewPath("metadata")
	wide := Clusterwide(o.GetObjectKind().GroupVersionKind().Kind)
	if wide == (o.GetNamespace() != "") {
		// Argo CD puts it where its application goes; of what is in no namespace the API
		// server takes one away.
		namespace := "default"
		if wide {
			namespace = ""
		}
		o, _ = o.DeepCopyObject().(policy.Object)
		o.SetNamespace(namespace)
	}
	return validation.ValidateObjectMetaAccessor(o, !wide, nameOf(o), at)
}

// template is where the pods of a workload are written.
type template struct {
	*corev1.PodTemplateSpec
	at       *field.Path
	selector *metav1.LabelSelector // nil: the controller makes one
}

func templateOf(o policy.Object) *template {
	at := field.NewPath("spec", "template")
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &template{&o.Spec.Template, at, o.Spec.Selector}
	case *appsv1.DaemonSet:
		return &template{&o.Spec.Template, at, o.Spec.Selector}
	case *appsv1.StatefulSet:
		return &template{&o.Spec.Template, at, o.Spec.Selector}
	case *batchv1.Job:
		return &template{&o.Spec.Template, at, o.Spec.Selector}
	case *batchv1.CronJob:
		return &template{&o.Spec.JobTemplate.Spec.Template, field.NewPath("spec", "jobTemplate", "spec", "template"), nil}
	case *corev1.Pod:
		return &template{&corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: o.Labels}, Spec: o.Spec}, field.NewPath(""), nil}
	}
	return nil
}

func (t *template) check() field.ErrorList {
	all := metavalidation.ValidateLabels(t.Labels, t.at.Child("metadata", "labels"))
	all = append(all, validation.ValidateAnnotations(t.Annotations, t.at.Child("metadata", "annotations"))...)
	if t.selector != nil {
		all = append(all, matches(t.selector, t.Labels)...)
	}
	return append(all, podSpec(&t.Spec, t.at.Child("spec"))...)
}

// matches holds a selector to the labels of the pods that it is for.
func matches(by *metav1.LabelSelector, of map[string]string) field.ErrorList {
	at := field.NewPath("spec", "selector")
	if found := selector(by, at); len(found) > 0 {
		return found
	}
	s, err := metav1.LabelSelectorAsSelector(by)
	if err != nil || s.Empty() || !s.Matches(labels.Set(of)) {
		return field.ErrorList{field.Invalid(at, by.MatchLabels, "`selector` does not match template `labels`")}
	}
	return nil
}
