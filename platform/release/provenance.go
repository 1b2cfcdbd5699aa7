package main

import (
	"encoding/json"
	"maps"
	"runtime"
	"slices"
	"strings"
)

// The words of SLSA: https://slsa.dev/spec/v1.0/provenance.
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://slsa.dev/provenance/v1"
	// buildType says how the parameters are read: the steps of docs/reference/release.md.
	buildType = "https://github.com/ballast-sre/ballast/blob/main/docs/reference/release.md"
	source    = "git+https://github.com/ballast-sre/ballast"
)

type digestSet map[string]string

type resource struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      digestSet         `json:"digest,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

type predicate struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string         `json:"buildType"`
	ExternalParameters   map[string]any `json:"externalParameters"`
	ResolvedDependencies []resource     `json:"resolvedDependencies"`
}

type runDetails struct {
	Builder struct {
		ID string `json:"id"`
	} `json:"builder"`
	Byproducts []resource `json:"byproducts"`
}

// provenance records for an index and the image of each architecture: the sources, who built
// them, the bills of materials, and the result of the scan.
func provenance(name, builder string, r record) ([]byte, error) {
	b := r.Images[name]
	s := statement{Type: statementType, PredicateType: predicateType}
	s.Subject = []resource{{Name: name, Digest: sha256Of(b.Digest)}}
	arches := slices.Sorted(maps.Keys(b.Platforms))
	for _, arch := range arches {
		s.Subject = append(s.Subject, resource{Name: name + "/linux/" + arch, Digest: sha256Of(b.Platforms[arch].Digest)})
		s.Predicate.RunDetails.Byproducts = append(s.Predicate.RunDetails.Byproducts,
			resource{Name: "bill of materials for linux/" + arch, Digest: sha256Of(b.Platforms[arch].Bill)})
	}
	scan := resource{Name: "scan", Annotations: map[string]string{"status": r.Scan.Status}}
	if r.Scan.Database != "" {
		scan.Annotations["database"], scan.Annotations["modified"], scan.Annotations["scanner"] = r.Scan.Database, r.Scan.Modified, r.Scan.Scanner
	}
	if len(r.Scan.Notes) > 0 {
		scan.Annotations["notes"] = strings.Join(r.Scan.Notes, "\n")
	}
	s.Predicate.RunDetails.Byproducts = append(s.Predicate.RunDetails.Byproducts, scan)
	s.Predicate.RunDetails.Builder.ID = builder
	s.Predicate.BuildDefinition = buildDefinition{
		BuildType:          buildType,
		ExternalParameters: map[string]any{"image": name, "architectures": arches},
		ResolvedDependencies: []resource{
			{URI: source + "@" + r.Revision, Digest: digestSet{"gitCommit": r.Revision}},
			{Name: "go", URI: "pkg:golang/stdlib@" + strings.TrimPrefix(runtime.Version(), "go")},
		},
	}
	return json.Marshal(s)
}

// sha256Of is a digest as in-toto writes it.
func sha256Of(digest string) digestSet {
	_, hex, _ := strings.Cut(digest, ":")
	return digestSet{"sha256": hex}
}
