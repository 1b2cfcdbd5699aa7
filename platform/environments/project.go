package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/policy"
)

// kind is one of a project's lists.
type kind struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	Name  string `json:"name"` // of objects of the whole cluster; empty is any
}

// project is the part of an AppProject that bounds what is applied.
type project struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Destinations               []destination `json:"destinations"`
		ClusterResourceWhitelist   []kind        `json:"clusterResourceWhitelist"`
		NamespaceResourceWhitelist []kind        `json:"namespaceResourceWhitelist"`
		NamespaceResourceBlacklist []kind        `json:"namespaceResourceBlacklist"`
	} `json:"spec"`
}

// readProjects returns those of the platform, by name. Tests beside them read them strictly.
func readProjects(root string) (map[string]project, error) {
	file := filepath.Join(root, filepath.FromSlash(argocd), "bootstrap", "projects.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the projects: %w", err)
	}
	docs, err := policy.Documents(string(text))
	if err != nil {
		return nil, wrong(file, "not valid YAML: %v", err)
	}
	all := map[string]project{}
	for _, doc := range docs {
		var p project
		if err := yaml.Unmarshal(doc, &p); err != nil {
			return nil, wrong(file, "%v", err)
		}
		all[p.Metadata.Name] = p
	}
	return all, nil
}

// allows says whether Argo CD applies an object for the project. Patterns are those of shells,
// as Argo CD's are.
func (p project) allows(group, kindName, name, namespace string) bool {
	is := func(k kind) bool {
		return like(k.Group, group) && like(k.Kind, kindName) && (k.Name == "" || like(k.Name, name))
	}
	if namespace == "" {
		return slices.ContainsFunc(p.Spec.ClusterResourceWhitelist, is)
	}
	if !slices.ContainsFunc(p.Spec.Destinations, func(d destination) bool { return like(d.Namespace, namespace) }) {
		return false
	}
	if slices.ContainsFunc(p.Spec.NamespaceResourceBlacklist, is) {
		return false
	}
	return p.Spec.NamespaceResourceWhitelist == nil || slices.ContainsFunc(p.Spec.NamespaceResourceWhitelist, is)
}

func like(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return err == nil && ok
}
