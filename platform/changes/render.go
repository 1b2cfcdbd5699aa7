package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/ballast-sre/ballast/platform/manifest"
	"github.com/ballast-sre/ballast/platform/policy"
)

// object is one that the environment has, and who brings it.
type object struct {
	*unstructured.Unstructured
	from string // an application
}

// id is kind, namespace and name.
func (o object) id() string {
	return strings.Trim(o.GetKind()+"/"+o.GetNamespace()+"/"+o.GetName(), "/")
}

// rendered is all that an environment has.
type rendered struct {
	objects []object
	// absent are parts of charts that are not in the repository, with their versions.
	absent []string
	// nothing lists applications whose charts have no revision.
	nothing []string
}

func parse(from string, text []byte) (object, error) {
	o := object{new(unstructured.Unstructured), from}
	if err := yaml.UnmarshalStrict(text, &o.Object); err != nil {
		return o, fmt.Errorf("%w: %s: %w", errInvalid, from, err)
	}
	if o.GetKind() == "" || o.GetName() == "" {
		return o, fmt.Errorf("%w: %s has an object without kind or name", errInvalid, from)
	}
	return o, nil
}

// renderBoth renders an environment before and after.
func renderBoth(ctx context.Context, root, environment, before, after string) (was, is rendered, err error) {
	dir, err := os.MkdirTemp("", "ballast-changes-")
	if err != nil {
		return was, is, fmt.Errorf("make a directory for the charts: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := renderer{repo: repository{root}, dir: dir}
	if was, err = r.environment(ctx, before, environment); err != nil {
		return was, is, err
	}
	is, err = r.environment(ctx, after, environment)
	return was, is, err
}

// renderer keeps the files of each revision that charts are of.
type renderer struct {
	repo repository
	dir  string
}

func (r renderer) environment(ctx context.Context, tree, name string) (rendered, error) {
	b, err := build(ctx, r.repo, tree, name)
	if err != nil {
		return rendered{}, err
	}
	out := rendered{}
	for _, o := range b.own {
		// Applications differ in what their charts are rendered of, and nothing else of them
		// is a promotion's: the rest is read where it is rendered.
		if o.GetKind() != "Application" {
			out.objects = append(out.objects, o)
		}
	}
	for _, a := range b.applications {
		if !revisionForm.MatchString(a.revision) {
			out.nothing = append(out.nothing, fmt.Sprintf("%s (%s)", a.name, a.revision))
			continue
		}
		objects, absent, err := r.application(ctx, a)
		if err != nil {
			return out, err
		}
		out.objects, out.absent = append(out.objects, objects...), append(out.absent, absent...)
	}
	return out, nil
}

// application renders as Argo CD does: what `helm template` prints, with the values of the
// application.
func (r renderer) application(ctx context.Context, a application) (objects []object, absent []string, err error) {
	wrong := func(err error) error {
		return fmt.Errorf("%w: %s, chart %s of %s: %s", errInvalid, a.name, a.chart, a.revision, strings.ReplaceAll(err.Error(), r.dir, ""))
	}
	files, err := r.files(ctx, a.revision)
	if err != nil {
		return nil, nil, err
	}
	c, err := loader.LoadDir(filepath.Join(files, filepath.FromSlash(a.chart)))
	if err != nil {
		return nil, nil, wrong(err)
	}
	for _, d := range c.Metadata.Dependencies {
		if !slices.ContainsFunc(c.Dependencies(), func(have *chart.Chart) bool { return have.Name() == d.Name }) {
			absent = append(absent, fmt.Sprintf("%s: chart %s %s of %s", a.name, d.Name, d.Version, d.Repository))
		}
	}
	texts, err := manifest.Render(c, a.values, manifest.Release{Name: a.release, Namespace: a.namespace}, false)
	if err != nil {
		return nil, nil, wrong(err)
	}
	for _, file := range slices.Sorted(maps.Keys(texts)) {
		if path.Base(file) == "NOTES.txt" {
			continue
		}
		found, err := a.split(texts[file])
		if err != nil {
			return nil, nil, wrong(fmt.Errorf("%s: %w", file, err))
		}
		objects = append(objects, found...)
	}
	return objects, absent, nil
}

// files are those of a revision that charts may be made of: charts link to rules and
// dashboards.
func (r renderer) files(ctx context.Context, revision string) (string, error) {
	dir := filepath.Join(r.dir, revision)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a directory for revision %s: %w", revision, err)
	}
	return dir, r.repo.extract(ctx, revision, dir, charts, "alerts", "dashboards", "chaos/experiments")
}

// split cuts what a template printed into objects. Those without a namespace are in that
// of the application, as far as it is known here.
func (a application) split(stream string) ([]object, error) {
	docs, err := policy.Documents(stream)
	if err != nil {
		return nil, err
	}
	var objects []object
	for _, doc := range docs {
		o, err := parse(a.name, bytes.TrimSpace(doc))
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}
