// Command crd-schema prints, as JSON, the schema of the spec of each Chaos Mesh
// kind that an experiment may hold: what the API server checks on a cluster,
// derived from the same Go types and markers as Chaos Mesh's own definitions. It
// runs in the directory of its module.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-tools/pkg/crd"
	crdmarkers "sigs.k8s.io/controller-tools/pkg/crd/markers"
	"sigs.k8s.io/controller-tools/pkg/loader"
	"sigs.k8s.io/controller-tools/pkg/markers"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "crd-schema:", err)
		os.Exit(1)
	}
}

func run() error {
	roots, err := loader.LoadRoots("github.com/chaos-mesh/chaos-mesh/api/v1alpha1")
	if err != nil {
		return err
	}
	registry := &markers.Registry{}
	if err := crdmarkers.Register(registry); err != nil {
		return err
	}
	parser := &crd.Parser{Collector: &markers.Collector{Registry: registry}, Checker: &loader.TypeChecker{}}
	crd.AddKnownTypes(parser)
	for _, root := range roots {
		parser.NeedPackage(root)
	}
	noText := 0
	specs := map[string]apiext.JSONSchemaProps{}
	for _, gk := range crd.FindKubeKinds(parser, crd.FindMetav1(roots)) {
		if !isFault(gk.Kind) {
			continue
		}
		parser.NeedCRDFor(gk, &noText)
		for _, version := range parser.CustomResourceDefinitions[gk].Spec.Versions {
			specs[gk.Kind] = version.Schema.OpenAPIV3Schema.Properties["spec"]
		}
	}
	// Packages beyond the API's own are not loaded, which the checker of types misses.
	if loader.PrintErrors(roots, packages.TypeError) {
		return errors.New("the API's types do not load")
	}
	if len(specs) == 0 {
		return errors.New("the API has no kinds")
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", " ")
	return out.Encode(specs)
}

// isFault leaves out the kinds that schedule faults, and those in which the
// controllers keep the state of one pod.
func isFault(kind string) bool {
	return strings.HasSuffix(kind, "Chaos") && !slices.Contains([]string{"PodHttpChaos", "PodIOChaos", "PodNetworkChaos"}, kind)
}
