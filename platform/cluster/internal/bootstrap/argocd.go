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

// edit changes an object of the manifests, and says whether it stays.
type edit func(*unstructured.Unstructured) (keep bool, err error)

// edited copies manifests, in their order, as the edits leave them.
func edited(manifests io.Reader, edits ...edit) ([]byte, error) {
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
		keep, err := editedBy(edits, &object)
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

// editedBy is every edit in turn, up to the one that lets the object go.
func editedBy(edits []edit, object *unstructured.Unstructured) (keep bool, err error) {
	for _, e := range edits {
		if keep, err := e(object); !keep || err != nil {
			return false, err
		}
	}
	return true, nil
}

// withoutParts lets go of the objects of the parts named: those whose
// app.kubernetes.io/name is one of them, or whose own name begins with one.
func withoutParts(parts ...string) edit {
	return func(object *unstructured.Unstructured) (bool, error) {
		return !slices.ContainsFunc(parts, func(part string) bool {
			return strings.HasPrefix(object.GetName(), part) || object.GetLabels()["app.kubernetes.io/name"] == part
		}), nil
	}
}

// yielding leaves the keys of ConfigMaps to the settings that set them. Applied by two
// managers in turn a key would change twice: each change makes Argo CD drop its cache of
// the cluster, and it does not watch the cluster again before the next comparison, which
// may be minutes away.
func yielding(settings []byte) (edit, error) {
	ours := map[string]map[string]any{}
	_, err := edited(bytes.NewReader(settings), func(object *unstructured.Unstructured) (bool, error) {
		if object.GetKind() != "ConfigMap" {
			return true, nil
		}
		data, _, err := unstructured.NestedMap(object.Object, "data")
		ours[object.GetName()] = data
		return true, err
	})
	return func(object *unstructured.Unstructured) (bool, error) {
		if object.GetKind() == "ConfigMap" {
			for key := range ours[object.GetName()] {
				unstructured.RemoveNestedField(object.Object, "data", key)
			}
		}
		return true, nil
	}, err
}

// slim takes the texts for people out of definitions: they are most of them, and an
// API server keeps them several times.
func slim(object *unstructured.Unstructured) (bool, error) {
	if object.GetKind() == "CustomResourceDefinition" {
		withoutDescriptions(object.Object["spec"])
	}
	return true, nil
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

// ofWorkloads is an edit of objects that have a template of pods.
func ofWorkloads(change func(*unstructured.Unstructured) error) edit {
	return func(object *unstructured.Unstructured) (bool, error) {
		switch object.GetKind() {
		case "Deployment", "StatefulSet":
			return true, change(object)
		default:
			return true, nil
		}
	}
}

// stamped puts a mark on the pods of every workload: pods that read their settings
// when they start are started anew when the mark changes.
func stamped(mark string) edit {
	return ofWorkloads(func(object *unstructured.Unstructured) error {
		return unstructured.SetNestedField(object.Object, mark, "spec", "template", "metadata", "annotations", "ballast.dev/settings")
	})
}

// requesting asks for a share of the processor for every container of a workload that
// asks for none. Upstream's ask for nothing: on a machine that is busy they get what
// all others leave, and a push or a drift waits for seconds.
func requesting(cpu string) edit {
	return ofWorkloads(func(object *unstructured.Unstructured) error {
		path := []string{"spec", "template", "spec", "containers"}
		containers, _, err := unstructured.NestedSlice(object.Object, path...)
		if err != nil {
			return err
		}
		for _, c := range containers {
			container, ok := c.(map[string]any)
			if !ok {
				return fmt.Errorf("%s: %v is not a container", strings.Join(path, "."), c)
			}
			request := []string{"resources", "requests", "cpu"}
			_, has, err := unstructured.NestedFieldNoCopy(container, request...)
			if err == nil && !has {
				err = unstructured.SetNestedField(container, cpu, request...)
			}
			if err != nil {
				return err
			}
		}
		return unstructured.SetNestedSlice(object.Object, containers, path...)
	})
}
