package fault

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/chaos-mesh/chaos-mesh/api/genericwebhook"
	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ballast-sre/ballast/internal/document"
)

// Problem is one thing that is wrong with a document.
type Problem = document.Problem

// Decode reads one Chaos Mesh object, or one of the runner's own kinds: strictly against the pinned API's types,
// then by that API's own defaults and validation, then by the checks that it
// lacks. The fault is usable only when there are no problems.
//
// Namespaces that the author left out stay out, so that whoever creates the
// object decides. Kinds that no target can inject are decoded all the same; it
// is for the target to say so. Their Selector is empty when they choose no pods.
func Decode(doc document.Document) (Fault, []Problem) {
	f := Fault{File: doc.File, Line: doc.Line, YAML: doc.Text}
	obj, problems := spawn(doc)
	if obj == nil {
		return f, problems
	}
	problems = doc.Decode(obj)
	if len(problems) > 0 {
		mendNumbers(doc, problems)
		// What did not decode reads as empty below, and would be reported twice.
		return f, problems
	}

	check := checker{document.Checker{Doc: doc}}
	check.scalars(doc.Root, "")
	f.Object = obj
	f.Kind = doc.Value("kind")
	f.Name, f.Namespace = obj.GetName(), obj.GetNamespace()
	check.metadata(f)
	f.Action = actionOf(obj)
	check.action(f)
	if len(check.Problems) > 0 {
		// The rules that follow depend on the action.
		return f, check.Problems
	}

	genericwebhook.Default(obj)
	selectors := selectorsOf(obj)
	for _, s := range selectors {
		if slices.Equal(s.pods.Selector.Namespaces, []string{""}) {
			s.pods.Selector.Namespaces = nil
		}
		check.selector(s, obj)
		if s.primary {
			f.Selector = Selector{PodSelector: *s.pods.DeepCopy(), ContainerNames: slices.Clone(s.containers), PerContainer: s.perContainer}
		}
	}
	f.OneShot = obj.IsOneShot()
	f.Duration = check.duration(f)
	check.parameters(obj)
	check.upstream(obj)
	check.schema(f.Kind)
	return f, check.Problems
}

// spawn makes an empty object of the document's kind.
func spawn(doc document.Document) (v1alpha1.InnerObject, []Problem) {
	version := v1alpha1.SchemeGroupVersion.String()
	if doc.Value("apiVersion") == OwnVersion {
		return own(doc)
	}
	if got := doc.Value("apiVersion"); got != version {
		return nil, []Problem{doc.Problem("apiVersion", "want %s, got %q", version, got)}
	}
	kinds := v1alpha1.AllKinds()
	kind := doc.Value("kind")
	if known, ok := kinds[kind]; ok {
		if obj, ok := known.SpawnObject().(v1alpha1.InnerObject); ok {
			return obj, nil
		}
	}
	if instead := unbounded(kind); instead != "" {
		return nil, []Problem{doc.Problem("kind", "no run can bound a %s: %s", kind, instead)}
	}
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	return nil, []Problem{doc.Problem("kind", "unknown kind %q%s", kind, document.Suggest(kind, names))}
}

// unbounded says what to use in place of a kind of Chaos Mesh that is not a fault;
// empty for every other word.
func unbounded(kind string) string {
	switch kind {
	case v1alpha1.KindSchedule:
		return "it starts faults on its own schedule; write the fault itself, and the runner starts and ends it"
	case v1alpha1.KindWorkflow, "WorkflowNode":
		return "it starts faults on its own schedule; write its faults as documents of one experiment, or as several experiments"
	case v1alpha1.KindStatusCheck:
		return "assert an SLO or a bounded PromQL in the experiment"
	case v1alpha1.KindRemoteCluster:
		return "run ballast on the other cluster, with --context"
	case v1alpha1.KindPhysicalMachine:
		return "it only names a machine; its fault is a PhysicalMachineChaos"
	case v1alpha1.KindPodNetworkChaos, v1alpha1.KindPodIOChaos, v1alpha1.KindPodHttpChaos:
		return "it is what Chaos Mesh keeps for each pod; write the fault that it comes from"
	default:
		return ""
	}
}

// chosen is one of an object's pod selectors.
type chosen struct {
	path         string // of the mapping that holds selector and mode
	primary      bool
	pods         *v1alpha1.PodSelector
	containers   []string
	perContainer bool
}

// selectorsOf lists the pod selectors of an object, the primary one first.
func selectorsOf(obj v1alpha1.InnerObject) []chosen {
	with, ok := obj.(v1alpha1.InnerObjectWithSelector)
	if !ok {
		return nil
	}
	var out []chosen
	for key, spec := range with.GetSelectorSpecs() {
		c := chosen{path: "spec", primary: key == "."}
		if !c.primary {
			c.path += strings.ToLower(key)
		}
		switch s := spec.(type) {
		case *v1alpha1.PodSelector:
			c.pods = s
		case *v1alpha1.ContainerSelector:
			c.pods, c.containers, c.perContainer = &s.PodSelector, s.ContainerNames, true
		case *v1alpha1.ContainerNodeVolumePathSelector:
			c.pods, c.containers, c.perContainer = &s.PodSelector, s.ContainerNames, true
		default:
			continue // it selects machines of a cloud, not pods
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b chosen) int { return strings.Compare(a.path, b.path) })
	return out
}

// specField is a field of the object's spec, by its name in Go; the zero Value
// when the kind has none.
func specField(obj v1alpha1.InnerObject, name string) reflect.Value {
	return reflect.ValueOf(obj).Elem().FieldByName("Spec").FieldByName(name)
}

// durationOf is the address of the object's spec.duration, nil when the kind has none.
func durationOf(obj v1alpha1.InnerObject) **string {
	v := specField(obj, "Duration")
	if !v.IsValid() {
		return nil
	}
	p, _ := v.Addr().Interface().(**string)
	return p
}

// WithDuration returns the fault with a duration, rounded up to whole
// milliseconds, when it can have one and its author gave none; else the fault as
// it is. The object is copied, never changed.
func WithDuration(f Fault, d time.Duration) Fault {
	if f.OneShot || f.Object == nil || d <= 0 {
		return f
	}
	if p := durationOf(f.Object); p == nil || *p != nil {
		return f
	}
	obj, ok := f.Object.DeepCopyObject().(v1alpha1.InnerObject)
	if !ok {
		return f
	}
	if whole := d.Truncate(time.Millisecond); whole < d {
		d = whole + time.Millisecond
	}
	text := d.String()
	*durationOf(obj) = &text
	f.Object, f.Duration = obj, d
	return f
}

func (c *checker) metadata(f Fault) {
	if f.Name == "" {
		c.Problem("metadata.name", "missing; name the fault, it stands in the report")
	} else if errs := validation.IsDNS1123Subdomain(f.Name); len(errs) > 0 {
		c.Problem("metadata.name", "%q is not an object name: lower-case letters, digits, - and . only", f.Name)
	}
	if f.Namespace != "" && len(validation.IsDNS1123Label(f.Namespace)) > 0 {
		c.Problem("metadata.namespace", "%q is not a namespace: lower-case letters, digits and - only", f.Namespace)
	}
	if f.Object.IsPaused() {
		c.Problem("metadata.annotations", "%s parks the fault, so it would never be injected, except one-shots, which fire all the same; delete it", v1alpha1.PauseAnnotationKey)
	}
}
