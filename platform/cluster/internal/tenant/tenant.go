// Package tenant checks the one file by which a team's application is deployed, before it
// is pushed: the project, what it deploys, and who is told when that fails. It asks no
// cluster.
package tenant

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/rules"
)

// Input is what is checked.
type Input struct {
	File     string
	Checkout string // of the platform, which says what there is already
	// Chart is the directory of the application's chart, where that is not part of the
	// checkout; empty: it is.
	Chart string
	// Environment is the directory into which the file shall go.
	Environment string
}

// Summary is what was checked.
type Summary struct {
	Project, Application string
	Objects, Pods        int
	Alerts               int
}

// Validate checks the file and the chart that it deploys. The error is document.Problems,
// every one in one go, or of reading what is there already.
func Validate(in Input) (Summary, error) {
	data, err := os.ReadFile(in.File)
	if err != nil {
		return Summary{}, fmt.Errorf("read the file of the application: %w", err)
	}
	c := checker{in: in}
	c.read(data)
	if c.project == nil || c.application == nil {
		return Summary{}, document.Err(c.problems)
	}
	there, err := existing(in)
	if err != nil {
		return Summary{}, err
	}
	routes, err := rules.ReadRoutes(filepath.Join(in.Checkout, "alerts", "alertmanager", "alertmanager.yaml"))
	if err != nil {
		return Summary{}, err
	}
	c.checkProject(there)
	c.checkApplication(there)
	s := Summary{Project: c.project.Metadata.Name, Application: c.application.Metadata.Name}
	c.checkChart(&s, routes)
	return s, document.Err(c.problems)
}

// checker collects problems.
type checker struct {
	in          Input
	problems    []document.Problem
	project     *project
	application *application
	// of the documents, to say where a problem is
	projectDoc, applicationDoc document.Document
}

func (c *checker) ofProject(path, format string, args ...any) {
	c.problems = append(c.problems, c.projectDoc.Problem(path, format, args...))
}

func (c *checker) ofApplication(path, format string, args ...any) {
	c.problems = append(c.problems, c.applicationDoc.Problem(path, format, args...))
}

// ofChart is a problem of something that the chart renders.
func (c *checker) ofChart(file, format string, args ...any) {
	c.problems = append(c.problems, document.Problem{File: file, Message: fmt.Sprintf(format, args...)})
}

// read finds one project and one application.
func (c *checker) read(data []byte) {
	docs, problems := document.Split(c.in.File, data)
	c.problems = append(c.problems, problems...)
	for _, doc := range docs {
		switch id := doc.Value("apiVersion") + " " + doc.Value("kind"); {
		case id == "argoproj.io/v1alpha1 AppProject" && c.project == nil:
			c.project, c.projectDoc = new(project), doc
			c.problems = append(c.problems, doc.Decode(c.project)...)
		case id == "argoproj.io/v1alpha1 Application" && c.application == nil:
			c.application, c.applicationDoc = new(application), doc
			c.problems = append(c.problems, doc.Decode(c.application)...)
		default:
			c.problems = append(c.problems, doc.Problem("kind", "a %s is not expected here; write one AppProject and one Application of argoproj.io/v1alpha1", id))
		}
	}
	for kind, missing := range map[string]bool{"AppProject": c.project == nil, "Application": c.application == nil} {
		if missing {
			c.problems = append(c.problems, document.Problem{File: c.in.File, Message: "there is no " + kind + "; docs/tenant/phonebook.yaml is an example"})
		}
	}
}

// known is what the environment has already.
type known struct {
	projects     map[string]project
	applications map[string]bool
}

// existing reads the projects of the platform and the applications of the environment, but
// for the file itself.
func existing(in Input) (known, error) {
	k := known{projects: map[string]project{}, applications: map[string]bool{}}
	dir := filepath.Join(in.Checkout, "platform", "argocd")
	own, err := filepath.Abs(in.File)
	if err != nil {
		return k, fmt.Errorf("where %s is: %w", in.File, err)
	}
	environment := filepath.Join(dir, "environments", in.Environment)
	if _, err := os.Stat(environment); errors.Is(err, fs.ErrNotExist) {
		return k, fmt.Errorf("there is no environment %s in %s", in.Environment, in.Checkout)
	}
	for _, pattern := range []string{
		filepath.Join(dir, "bootstrap", "*.yaml"), filepath.Join(environment, "*.yaml"),
		filepath.Join(dir, "tenants", in.Environment, "*", "*.yaml"),
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return k, fmt.Errorf("list %s: %w", pattern, err)
		}
		for _, file := range files {
			// A file that was copied into the environment is the one that is checked.
			if at, err := filepath.Abs(file); err == nil && (at == own || filepath.Base(at) == filepath.Base(own)) {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return k, fmt.Errorf("read what there is already: %w", err)
			}
			docs, _ := document.Split(file, data) // the platform's own tests read them strictly
			for _, doc := range docs {
				k.add(doc)
			}
		}
	}
	return k, nil
}

func (k known) add(doc document.Document) {
	switch doc.Value("kind") {
	case "AppProject":
		var p project
		doc.Decode(&p)
		k.projects[p.Metadata.Name] = p
	case "Application":
		var a application
		doc.Decode(&a)
		k.applications[a.Metadata.Name] = true
	}
}
