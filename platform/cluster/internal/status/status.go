// Package status reads what Argo CD's web interface would show of a cluster: each application
// with its revision, its images, how it differs from git, and the verdicts that are attached
// to its images. It changes nothing.
package status

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Overview is what there is to show.
type Overview struct {
	Cluster string `json:"cluster"`
	Running bool   `json:"running"`
	// Applications in the order of their environments and names.
	Applications []Application `json:"applications"`
	// Problems say what could not be read, such as a registry that did not answer.
	Problems []string `json:"problems,omitempty"`
}

// Application is what Argo CD says of one.
type Application struct {
	// Environment is empty for an application that belongs to none.
	Environment string   `json:"environment"`
	Name        string   `json:"name"`
	Project     string   `json:"project"`
	Sources     []Source `json:"sources"`
	// Images that are named by their digest, in their order. A tag would not say what runs.
	Images []Image `json:"images"`
	// Sync is Synced, OutOfSync or Unknown.
	Sync string `json:"sync"`
	// Health is Healthy, Progressing, Degraded, Suspended, Missing or Unknown.
	Health    string     `json:"health"`
	Operation *Operation `json:"operation,omitempty"`
	// Differences between git and the cluster, and objects that are not healthy.
	Differences []Difference `json:"differences"`
	// Conditions are what Argo CD warns of, TYPE: MESSAGE.
	Conditions []string  `json:"conditions"`
	Verdicts   []Verdict `json:"verdicts"` // the newest first
}

// Source is a repository and the commit of it that is deployed.
type Source struct {
	Repository string `json:"repository"`
	Revision   string `json:"revision"`
}

// Image is one that is named by its digest.
type Image struct {
	Reference string `json:"reference"` // as the manifest has it
	Digest    string `json:"digest"`
}

// Operation is the last sync, or the one that is under way.
type Operation struct {
	Phase    string     `json:"phase"` // Running, Succeeded, Failed, Error or Terminating
	Message  string     `json:"message"`
	Started  time.Time  `json:"started"`
	Finished *time.Time `json:"finished,omitempty"`
	Retries  int        `json:"retries"`
}

// Difference is an object that is not what git says, or not healthy.
type Difference struct {
	Kind      string `json:"kind"` // with its group: Deployment.apps
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// What is one of: out of sync, missing, not in git, unhealthy. The last is known only
	// where Argo CD keeps the health of objects in its applications.
	What    string  `json:"what"`
	Message string  `json:"message,omitempty"` // of its health
	Fields  []Field `json:"fields,omitempty"`  // of one that is out of sync
}

// What a difference is.
const (
	outOfSync = "out of sync"
	missing   = "missing"
	notInGit  = "not in git"
	unhealthy = "unhealthy"
)

// ErrAnswer is returned for an answer that is not the list that was asked for.
var ErrAnswer = errors.New("not a list")

// Read reads the API server's list of applications. The error wraps ErrAnswer.
func Read(list []byte) ([]Application, error) {
	var answer struct {
		Kind  string    `json:"kind"`
		Items []argoApp `json:"items"`
	}
	if err := json.Unmarshal(list, &answer); err != nil {
		return nil, fmt.Errorf("%w of applications: %w", ErrAnswer, err)
	}
	if answer.Kind != "ApplicationList" {
		return nil, fmt.Errorf("%w of applications: its kind is %q", ErrAnswer, answer.Kind)
	}
	all := []Application{}
	for _, a := range answer.Items {
		all = append(all, a.application())
	}
	slices.SortFunc(all, func(a, b Application) int {
		return cmp.Or(strings.Compare(a.Environment, b.Environment), strings.Compare(a.Name, b.Name))
	})
	return all, nil
}

// The parts of Argo CD's applications that are shown.
type (
	argoApp struct {
		Metadata struct {
			Name        string            `json:"name"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			Project string       `json:"project"`
			Source  *argoSource  `json:"source"`
			Sources []argoSource `json:"sources"`
		} `json:"spec"`
		Status struct {
			Sync struct {
				Status    string   `json:"status"`
				Revision  string   `json:"revision"`
				Revisions []string `json:"revisions"`
			} `json:"sync"`
			Health     argoHealth `json:"health"`
			Conditions []struct {
				Type    string `json:"type"`
				Message string `json:"message"`
			} `json:"conditions"`
			Summary struct {
				Images []string `json:"images"`
			} `json:"summary"`
			OperationState *argoOperation `json:"operationState"`
			Resources      []argoObject   `json:"resources"`
		} `json:"status"`
	}
	argoSource struct {
		RepoURL string `json:"repoURL"`
	}
	argoHealth struct {
		Status  string `json:"status"`
		Message string `json:"message"`
	}
	argoOperation struct {
		Phase      string     `json:"phase"`
		Message    string     `json:"message"`
		StartedAt  time.Time  `json:"startedAt"`
		FinishedAt *time.Time `json:"finishedAt"`
		RetryCount int        `json:"retryCount"`
	}
	argoObject struct {
		Group           string      `json:"group"`
		Kind            string      `json:"kind"`
		Namespace       string      `json:"namespace"`
		Name            string      `json:"name"`
		Status          string      `json:"status"`
		Health          *argoHealth `json:"health"`
		RequiresPruning bool        `json:"requiresPruning"`
	}
)

func (a argoApp) application() Application {
	s := a.Status
	out := Application{
		Environment: a.environment(), Name: a.Metadata.Name, Project: a.Spec.Project,
		Sources: a.sources(), Images: []Image{}, Sync: cmp.Or(s.Sync.Status, "Unknown"), Health: cmp.Or(s.Health.Status, "Unknown"),
		Differences: []Difference{}, Conditions: []string{}, Verdicts: []Verdict{},
	}
	for _, ref := range s.Summary.Images {
		if _, digest, pinned := strings.Cut(ref, "@"); pinned {
			out.Images = append(out.Images, Image{ref, digest})
		}
	}
	for _, o := range s.Resources {
		if d, ok := o.difference(); ok {
			out.Differences = append(out.Differences, d)
		}
	}
	for _, c := range s.Conditions {
		out.Conditions = append(out.Conditions, c.Type+": "+c.Message)
	}
	if o := s.OperationState; o != nil {
		out.Operation = &Operation{o.Phase, o.Message, o.StartedAt, o.FinishedAt, o.RetryCount}
	}
	return out
}

// environment is that of the application that applied this one. The application of an
// environment itself belongs to that environment.
func (a argoApp) environment() string {
	const of = "environment-"
	owner, _, _ := strings.Cut(a.Metadata.Annotations["argocd.argoproj.io/tracking-id"], ":")
	for _, name := range []string{owner, a.Metadata.Name} {
		if environment, ok := strings.CutPrefix(name, of); ok {
			return environment
		}
	}
	return ""
}

func (a argoApp) sources() []Source {
	named, revisions := a.Spec.Sources, a.Status.Sync.Revisions
	if a.Spec.Source != nil {
		named, revisions = []argoSource{*a.Spec.Source}, []string{a.Status.Sync.Revision}
	}
	all := []Source{}
	for i, s := range named {
		source := Source{Repository: s.RepoURL}
		if i < len(revisions) {
			source.Revision = revisions[i]
		}
		all = append(all, source)
	}
	return all
}

func (o argoObject) kind() string {
	if o.Group == "" {
		return o.Kind
	}
	return o.Kind + "." + o.Group
}

func (o argoObject) difference() (Difference, bool) {
	d := Difference{Kind: o.kind(), Namespace: o.Namespace, Name: o.Name}
	health := argoHealth{Status: "Healthy"} // a kind without health counts as healthy
	if o.Health != nil {
		health = *o.Health
	}
	d.Message = health.Message
	switch {
	case o.RequiresPruning:
		d.What = notInGit
	case health.Status == "Missing":
		d.What = missing
	case o.Status == "OutOfSync":
		d.What = outOfSync
	case health.Status == "Degraded" || health.Status == "Progressing":
		d.What = unhealthy
	default:
		return Difference{}, false
	}
	return d, true
}
