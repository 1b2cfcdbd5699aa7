// Package bootstrap puts the platform onto a cluster: Argo CD, what it is told once,
// and the first push. Everything else Argo CD reads from git.
package bootstrap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// withoutParts copies manifests but for the objects of the parts named: those whose
// app.kubernetes.io/name is one of them, or whose own name begins with one.
func withoutParts(manifests io.Reader, parts ...string) ([]byte, error) {
	return each(manifests, func(object *unstructured.Unstructured) (bool, error) {
		if object.GetKind() == "CustomResourceDefinition" {
			withoutDescriptions(object.Object["spec"])
		}
		return !slices.ContainsFunc(parts, func(part string) bool {
			return strings.HasPrefix(object.GetName(), part) || object.GetLabels()["app.kubernetes.io/name"] == part
		}), nil
	})
}

// withoutDescriptions removes the texts under a schema. A property that has that name
// is no text, and stays.
func withoutDescriptions(node any) {
	switch node := node.(type) {
	case map[string]any:
		if _, ok := node["description"].(string); ok {
			delete(node, "description")
		}
		for _, child := range node {
			withoutDescriptions(child)
		}
	case []any:
		for _, child := range node {
			withoutDescriptions(child)
		}
	}
}

// stamped copies manifests with a mark on the pods of every workload: pods that read
// their settings when they start are started anew when the mark changes.
func stamped(manifests io.Reader, mark string) ([]byte, error) {
	return each(manifests, func(object *unstructured.Unstructured) (bool, error) {
		switch object.GetKind() {
		case "Deployment", "StatefulSet":
			return true, unstructured.SetNestedField(object.Object, mark, "spec", "template", "metadata", "annotations", "ballast.dev/settings")
		default:
			return true, nil
		}
	})
}

// requesting copies manifests with a share of the processor for every container of a
// workload that asks for none. Upstream's ask for nothing: on a machine that is busy
// they get what all others leave, and a push or a drift waits for seconds.
func requesting(manifests io.Reader, cpu string) ([]byte, error) {
	return each(manifests, func(object *unstructured.Unstructured) (bool, error) {
		if kind := object.GetKind(); kind != "Deployment" && kind != "StatefulSet" {
			return true, nil
		}
		path := []string{"spec", "template", "spec", "containers"}
		containers, _, err := unstructured.NestedSlice(object.Object, path...)
		if err != nil {
			return false, err
		}
		for _, c := range containers {
			container, ok := c.(map[string]any)
			if !ok {
				return false, fmt.Errorf("%s: %v is no container", strings.Join(path, "."), c)
			}
			request := []string{"resources", "requests", "cpu"}
			if _, has, err := unstructured.NestedFieldNoCopy(container, request...); err != nil || has {
				if err != nil {
					return false, err
				}
				continue
			}
			if err := unstructured.SetNestedField(container, cpu, request...); err != nil {
				return false, err
			}
		}
		return true, unstructured.SetNestedSlice(object.Object, containers, path...)
	})
}

// each copies the objects that change keeps, as it leaves them.
func each(manifests io.Reader, change func(*unstructured.Unstructured) (keep bool, err error)) ([]byte, error) {
	var out bytes.Buffer
	decoder := utilyaml.NewYAMLOrJSONDecoder(manifests, 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return out.Bytes(), nil
		}
		if err != nil {
			return nil, fmt.Errorf("manifests: %w", err)
		}
		if len(object.Object) == 0 {
			continue
		}
		keep, err := change(&object)
		if err != nil {
			return nil, fmt.Errorf("manifests: %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if !keep {
			continue
		}
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			return nil, fmt.Errorf("manifests: %w", err)
		}
		out.WriteString("---\n")
		out.Write(text)
	}
}
