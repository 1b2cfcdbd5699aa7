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
		if len(object.Object) == 0 || slices.ContainsFunc(parts, func(part string) bool {
			return strings.HasPrefix(object.GetName(), part) || object.GetLabels()["app.kubernetes.io/name"] == part
		}) {
			continue
		}
		if object.GetKind() == "CustomResourceDefinition" {
			withoutDescriptions(object.Object["spec"])
		}
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			return nil, fmt.Errorf("manifests: %w", err)
		}
		out.WriteString("---\n")
		out.Write(text)
	}
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
