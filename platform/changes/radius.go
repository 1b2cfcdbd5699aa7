package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// change is what happens to one object.
type change struct {
	was, is *object // nil: it is not there
}

func (c change) object() object {
	if c.is != nil {
		return *c.is
	}
	return *c.was
}

// compare pairs objects by what they are called, and leaves out those that are the same.
func compare(before, after rendered) []change {
	all := map[string]change{}
	for i := range before.objects {
		all[before.objects[i].id()] = change{was: &before.objects[i]}
	}
	for i := range after.objects {
		c := all[after.objects[i].id()]
		c.is = &after.objects[i]
		all[after.objects[i].id()] = c
	}
	var out []change
	for _, id := range slices.Sorted(maps.Keys(all)) {
		c := all[id]
		if c.was == nil || c.is == nil || !reflect.DeepEqual(c.was.Object, c.is.Object) {
			out = append(out, c)
		}
	}
	return out
}

// workload is something that runs pods.
type workload struct {
	replicas int32
	template corev1.PodTemplateSpec
	claims   []corev1.PersistentVolumeClaim
	each     string // instead of a number of replicas: one a node, or what an autoscaler allows
}

// workloadOf reads a workload; false: the object runs no pods.
func workloadOf(o object) (workload, bool) {
	one := int32(1)
	count := func(n *int32) int32 {
		if n == nil {
			return one
		}
		return *n
	}
	switch o.GetKind() {
	case "Deployment":
		var d appsv1.Deployment
		if !into(o, &d) {
			return workload{}, false
		}
		return workload{replicas: count(d.Spec.Replicas), template: d.Spec.Template}, true
	case "StatefulSet":
		var s appsv1.StatefulSet
		if !into(o, &s) {
			return workload{}, false
		}
		return workload{replicas: count(s.Spec.Replicas), template: s.Spec.Template, claims: s.Spec.VolumeClaimTemplates}, true
	case "DaemonSet":
		var d appsv1.DaemonSet
		if !into(o, &d) {
			return workload{}, false
		}
		return workload{template: d.Spec.Template, each: "one on each node"}, true
	}
	return workload{}, false
}

func into(o object, typed any) bool {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, typed) == nil
}

// images are those of all containers of an environment, by where they run.
func images(all rendered) map[string]string {
	out := map[string]string{}
	for _, o := range all.objects {
		w, ok := workloadOf(o)
		if !ok {
			continue
		}
		for _, c := range slices.Concat(w.template.Spec.InitContainers, w.template.Spec.Containers) {
			out[o.id()+" "+c.Name] = c.Image
		}
	}
	return out
}

// reaches says of each workload that changes what it means for its pods, and of each
// autoscaler that changes how many it allows.
func reaches(changes []change, before, after rendered) []string {
	var lines []string
	for _, c := range changes {
		was, ran := before.workload(c.was)
		is, runs := after.workload(c.is)
		id := c.object().id()
		switch {
		case !runs && !ran:
			if was, is := bounds(c.was), bounds(c.is); was != is {
				lines = append(lines, fmt.Sprintf("- %s: %s → %s", id, was, is))
			}
		case !runs:
			lines = append(lines, fmt.Sprintf("- %s: goes, with %s", id, was.size()))
		case !ran:
			lines = append(lines, fmt.Sprintf("- %s: is new, with %s; %s", id, is.size(), budget(*c.is, is, after)))
		case !reflect.DeepEqual(was.template, is.template):
			size := is.size()
			if was.size() != size {
				size = was.size() + " → " + size
			}
			lines = append(lines, fmt.Sprintf("- %s: all pods are replaced, %s; %s", id, size, budget(*c.is, is, after)))
		case was.size() != is.size():
			lines = append(lines, fmt.Sprintf("- %s: no pod is replaced, %s → %s", id, was.size(), is.size()))
		default:
			lines = append(lines, fmt.Sprintf("- %s: no pod is replaced", id))
		}
	}
	return lines
}

// workload reads a workload, which may not be there, with what scales it; false: the object
// runs no pods.
func (r rendered) workload(o *object) (workload, bool) {
	if o == nil {
		return workload{}, false
	}
	w, ok := workloadOf(*o)
	if !ok {
		return workload{}, false
	}
	for i, other := range r.objects {
		var h autoscalingv2.HorizontalPodAutoscaler
		if other.GetKind() == autoscaler && other.GetNamespace() == o.GetNamespace() && into(other, &h) &&
			h.Spec.ScaleTargetRef.Kind == o.GetKind() && h.Spec.ScaleTargetRef.Name == o.GetName() {
			w.each = bounds(&r.objects[i])
		}
	}
	return w, true
}

const autoscaler = "HorizontalPodAutoscaler"

// bounds are how many replicas an autoscaler allows. Of an object that is none, or that is
// not there, they are nothing that scales.
func bounds(o *object) string {
	var h autoscalingv2.HorizontalPodAutoscaler
	if o == nil || o.GetKind() != autoscaler || !into(*o, &h) {
		return "not scaled"
	}
	least := int32(1) // where it says nothing
	if h.Spec.MinReplicas != nil {
		least = *h.Spec.MinReplicas
	}
	return fmt.Sprintf("%d to %d replicas", least, h.Spec.MaxReplicas)
}

func (w workload) size() string {
	switch {
	case w.each != "":
		return w.each
	case w.replicas == 1:
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", w.replicas)
}

// budget is what keeps pods of a workload from going all at once.
func budget(o object, w workload, after rendered) string {
	said := "no disruption budget"
	for _, other := range after.objects {
		if other.GetNamespace() != o.GetNamespace() {
			continue
		}
		var b policyv1.PodDisruptionBudget
		if other.GetKind() != "PodDisruptionBudget" || !into(other, &b) || !covers(b, w.template.Labels) {
			continue
		}
		switch {
		case b.Spec.MinAvailable != nil:
			said = fmt.Sprintf("%s keeps %s available", other.id(), b.Spec.MinAvailable)
		case b.Spec.MaxUnavailable != nil:
			said = fmt.Sprintf("%s lets %s be away", other.id(), b.Spec.MaxUnavailable)
		}
	}
	return said
}

func covers(b policyv1.PodDisruptionBudget, labels map[string]string) bool {
	if b.Spec.Selector == nil || len(b.Spec.Selector.MatchExpressions) > 0 {
		return false
	}
	for key, value := range b.Spec.Selector.MatchLabels {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// keepsData are the kinds with which data go.
func keepsData(kind string) bool {
	return slices.Contains([]string{"PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition", "Namespace"}, kind)
}

// data says which changes touch data that outlive a pod.
func data(changes []change) []string {
	var lines []string
	for _, c := range changes {
		id := c.object().id()
		switch kind := c.object().GetKind(); {
		case keepsData(kind) && c.is == nil:
			lines = append(lines, fmt.Sprintf("- %s goes, and what it holds with it", id))
		case keepsData(kind) && c.was != nil:
			lines = append(lines, fmt.Sprintf("- %s changes", id))
		case kind == "StatefulSet":
			lines = append(lines, claims(id, c)...)
		}
	}
	return lines
}

func claims(id string, c change) []string {
	var was, is workload
	if c.was != nil {
		was, _ = workloadOf(*c.was)
	}
	if c.is != nil {
		is, _ = workloadOf(*c.is)
	}
	switch {
	case c.is == nil && len(was.claims) > 0:
		return []string{fmt.Sprintf("- %s goes; its claims stay, without anybody who reads them", id)}
	case c.was != nil && c.is != nil && !reflect.DeepEqual(was.claims, is.claims):
		return []string{fmt.Sprintf("- %s: its claims change, which Kubernetes refuses", id)}
	case c.was != nil && len(is.claims) > 0 && !reflect.DeepEqual(was.template, is.template):
		return []string{fmt.Sprintf("- %s: its pods are replaced and read the data that are there", id)}
	}
	return nil
}

// masked hides what a Secret holds: a commit is read by more people than a cluster's
// Secrets are.
func masked(o object) object {
	if o.GetKind() != "Secret" {
		return o
	}
	copied := object{Unstructured: &unstructured.Unstructured{Object: runtime.DeepCopyJSON(o.Object)}, from: o.from}
	for _, field := range []string{"data", "stringData"} {
		values, ok, err := unstructured.NestedMap(copied.Object, field)
		if err != nil || !ok {
			continue
		}
		for key, value := range values {
			values[key] = "sha256 " + strings.ToLower(short(fmt.Sprint(value)))
		}
		if unstructured.SetNestedMap(copied.Object, values, field) != nil {
			unstructured.RemoveNestedField(copied.Object, field)
		}
	}
	return copied
}
