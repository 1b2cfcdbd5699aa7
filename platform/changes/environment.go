package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/manifest"
)

const (
	environments = "platform/argocd/environments"
	charts       = "platform/helm"
)

// revisionForm is the whole name of a commit. What is not a commit names nothing that runs.
var revisionForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

// application is what an environment says of one: which chart, of which revision, with
// which values.
type application struct {
	name, release, namespace string
	chart, revision          string
	values                   map[string]any
}

// rawApplication is the part of Argo CD's Application that is read here.
type rawApplication struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Source struct {
			TargetRevision string `json:"targetRevision"`
			Path           string `json:"path"`
			Helm           struct {
				ReleaseName  string         `json:"releaseName"`
				ValuesObject map[string]any `json:"valuesObject"`
			} `json:"helm"`
		} `json:"source"`
		Destination struct {
			Namespace string `json:"namespace"`
		} `json:"destination"`
	} `json:"spec"`
}

// built is what kustomize makes of an environment: what Argo CD applies.
type built struct {
	applications []application // those of charts of this repository
	own          []object      // all that it applies itself
}

// build reads an environment of a tree. The error wraps errInvalid.
func build(ctx context.Context, r repository, tree, environment string) (built, error) {
	dir, err := os.MkdirTemp("", "ballast-changes-")
	if err != nil {
		return built{}, fmt.Errorf("make a directory for the environment: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // It is in the system's place for what is temporary.
	if err := r.extract(ctx, tree, dir, "platform/argocd"); err != nil {
		return built{}, err
	}
	at := filepath.Join(dir, filepath.FromSlash(environments), environment)
	if _, err := os.Stat(filepath.Join(at, "kustomization.yaml")); errors.Is(err, fs.ErrNotExist) {
		return built{}, fmt.Errorf("%w: %s has no environment %s that takes promotions: there is no %s/%s/kustomization.yaml", errInvalid, tree, environment, environments, environment)
	}
	docs, err := manifest.Kustomize(at)
	if err != nil {
		return built{}, fmt.Errorf("%w: environment %s of %s: %s", errInvalid, environment, tree, strings.ReplaceAll(err.Error(), dir, ""))
	}
	var b built
	for _, doc := range docs {
		o, err := parse("environment "+environment, doc)
		if err != nil {
			return built{}, err
		}
		b.own = append(b.own, o)
		var raw rawApplication
		if err := yaml.Unmarshal(doc, &raw); err != nil {
			return built{}, fmt.Errorf("%w: environment %s: %w", errInvalid, environment, err)
		}
		src := raw.Spec.Source
		if raw.Kind != "Application" || !strings.HasPrefix(src.Path, charts+"/") {
			continue
		}
		a := application{
			name: raw.Metadata.Name, release: src.Helm.ReleaseName, namespace: raw.Spec.Destination.Namespace,
			chart: src.Path, revision: src.TargetRevision, values: src.Helm.ValuesObject,
		}
		if a.release == "" {
			a.release = a.name
		}
		b.applications = append(b.applications, a)
	}
	return b, nil
}
