package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/manifest"
	"github.com/ballast-sre/ballast/platform/policy"
)

// Where Argo CD's files are, from the root of the repository.
const (
	argocd       = "platform/argocd"
	environments = argocd + "/environments"
)

// standIn is a pair in place of the one that runs: what a promotion writes is not a plan's to
// fill, and the charts are those of the checkout. Nothing has this revision or these digests.
func standIn() []byte {
	return []byte(`apiVersion: ballast.dev/v1alpha1
kind: Pair
metadata: {name: pair, annotations: {config.kubernetes.io/local-config: "true"}}
spec:
  revision: "` + strings.Repeat("0", 40) + `"
  images:
    ballast: "sha256:` + strings.Repeat("0", 64) + `"
    monitor: "sha256:` + strings.Repeat("1", 64) + `"
`)
}

// application is an Application of Argo CD. A field that it has not is refused, so that a
// misspelt one is.
type application struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		Finalizers  []string          `json:"finalizers"`
	} `json:"metadata"`
	Spec struct {
		Project           string           `json:"project"`
		Source            *source          `json:"source"`
		Sources           []source         `json:"sources"`
		Destination       destination      `json:"destination"`
		IgnoreDifferences []map[string]any `json:"ignoreDifferences"`
		SyncPolicy        struct {
			Automated struct {
				Prune    bool `json:"prune"`
				SelfHeal bool `json:"selfHeal"`
			} `json:"automated"`
			ManagedNamespaceMetadata struct {
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"managedNamespaceMetadata"`
			SyncOptions []string       `json:"syncOptions"`
			Retry       map[string]any `json:"retry"`
		} `json:"syncPolicy"`
	} `json:"spec"`
}

type destination struct {
	Server    string `json:"server"`
	Namespace string `json:"namespace"`
}

type source struct {
	RepoURL        string `json:"repoURL"`
	TargetRevision string `json:"targetRevision"`
	Path           string `json:"path"`
	Ref            string `json:"ref"`
	Helm           struct {
		ReleaseName             string           `json:"releaseName"`
		ValueFiles              []string         `json:"valueFiles"`
		IgnoreMissingValueFiles bool             `json:"ignoreMissingValueFiles"`
		Parameters              []map[string]any `json:"parameters"`
		ValuesObject            map[string]any   `json:"valuesObject"`
		SkipCRDs                bool             `json:"skipCrds"`
	} `json:"helm"`
}

// charts are the sources that install one.
func (a application) charts() []source {
	all := slices.Clone(a.Spec.Sources)
	if a.Spec.Source != nil {
		all = append(all, *a.Spec.Source)
	}
	return slices.DeleteFunc(all, func(s source) bool { return s.Path == "" })
}

// applied is what Argo CD applies of the directory of an environment, in YAML documents: its
// files, or what kustomize makes of them with what the ApplicationSet adds for the cluster.
func applied(root, environment string, p plan) (docs [][]byte, err error) {
	dir := filepath.Join(root, filepath.FromSlash(environments), environment)
	if _, err := os.Stat(filepath.Join(dir, "kustomization.yaml")); errors.Is(err, fs.ErrNotExist) {
		return files(dir)
	}
	added, err := kustomizeOptions(root, environment, p.secret)
	if err != nil {
		return nil, err
	}
	// A copy, as Argo CD edits the kustomization, too.
	tmp, err := os.MkdirTemp("", "ballast-environments-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the environment: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	at := filepath.Join(tmp, "environments", environment)
	for from, to := range map[string]string{dir: at, filepath.Join(root, filepath.FromSlash(argocd), "pinned"): filepath.Join(tmp, "pinned")} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return nil, fmt.Errorf("copy the environment: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(at, "pair.yaml"), standIn(), 0o600); err != nil {
		return nil, fmt.Errorf("copy the environment: %w", err)
	}
	if err := edit(filepath.Join(at, "kustomization.yaml"), added); err != nil {
		return nil, err
	}
	docs, err = manifest.Kustomize(at)
	if err != nil {
		return nil, wrong(path.Join(environments, environment), "kustomize: %s", strings.ReplaceAll(err.Error(), tmp+string(filepath.Separator), ""))
	}
	return docs, nil
}

// files are the documents of a directory.
func files(dir string) ([][]byte, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(names) == 0 {
		return nil, errors.Join(fmt.Errorf("%s holds no file", dir), err)
	}
	var all [][]byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the environment: %w", err)
		}
		docs, err := policy.Documents(string(text))
		if err != nil {
			return nil, wrong(name, "not valid YAML: %v", err)
		}
		all = append(all, docs...)
	}
	return all, nil
}

// kustomizeOptions are what the ApplicationSet adds for a cluster.
func kustomizeOptions(root, environment string, s secret) (map[string]any, error) {
	file := filepath.Join(root, filepath.FromSlash(argocd), "bootstrap", "environments.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the ApplicationSet: %w", err)
	}
	var set struct {
		Spec struct {
			TemplatePatch string `json:"templatePatch"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &set); err != nil {
		return nil, wrong(file, "not valid YAML: %v", err)
	}
	// Argo CD has more functions than the language; the file uses none of them.
	tpl, err := template.New("").Option("missingkey=error").Parse(set.Spec.TemplatePatch)
	if err != nil {
		return nil, wrong(file, "spec.templatePatch: %v", err)
	}
	var b bytes.Buffer
	if err := tpl.Execute(&b, map[string]any{
		"server": s.StringData.Server, "metadata": map[string]any{"labels": s.Metadata.Labels, "annotations": s.Metadata.Annotations},
		"path": map[string]any{"path": path.Join(environments, environment), "basename": environment},
	}); err != nil {
		return nil, wrong(file, "spec.templatePatch: %v", err)
	}
	var patch struct {
		Spec struct {
			Source struct {
				Kustomize map[string]any `json:"kustomize"`
			} `json:"source"`
		} `json:"spec"`
	}
	if err := yaml.UnmarshalStrict(b.Bytes(), &patch); err != nil {
		return nil, wrong(file, "spec.templatePatch: for %s it makes no patch: %v", environment, err)
	}
	return patch.Spec.Source.Kustomize, nil
}

// edit adds fields to a kustomization.
func edit(file string, added map[string]any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the environment: %w", err)
	}
	k := map[string]any{}
	if err := yaml.Unmarshal(text, &k); err != nil {
		return wrong(file, "not valid YAML: %v", err)
	}
	for name, value := range added {
		k[name] = value
	}
	if text, err = yaml.Marshal(k); err != nil {
		return fmt.Errorf("write the kustomization: %w", err)
	}
	return os.WriteFile(file, text, 0o600)
}
