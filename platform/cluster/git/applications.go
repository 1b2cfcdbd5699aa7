package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// ErrApplications is returned for an answer that is not a list of Argo CD's applications.
var ErrApplications = errors.New("no list of applications")

// readApplications reads the API server's list of Argo CD's applications.
func readApplications(list []byte) ([]application, error) {
	var answer struct {
		Kind  string        `json:"kind"`
		Items []application `json:"items"`
	}
	if err := json.Unmarshal(list, &answer); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrApplications, err)
	}
	if answer.Kind != "ApplicationList" {
		return nil, fmt.Errorf("%w, but %q", ErrApplications, answer.Kind)
	}
	return answer.Items, nil
}

// The parts of Argo CD's applications that say whether a push serves, and what was healed.
type (
	application struct {
		Metadata struct {
			Name        string            `json:"name"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			Source  *applicationSource  `json:"source"`
			Sources []applicationSource `json:"sources"`
		} `json:"spec"`
		Status struct {
			Sync struct {
				Status    string   `json:"status"`
				Revision  string   `json:"revision"`
				Revisions []string `json:"revisions"`
			} `json:"sync"`
			Health struct {
				Status string `json:"status"`
			} `json:"health"`
			OperationState *struct {
				Phase     string `json:"phase"`
				Operation struct {
					Sync *struct {
						Revision              string   `json:"revision"`
						Revisions             []string `json:"revisions"`
						AutoHealAttemptsCount int      `json:"autoHealAttemptsCount"` // of this revision
					} `json:"sync"`
				} `json:"operation"`
			} `json:"operationState"`
		} `json:"status"`
	}
	applicationSource struct {
		RepoURL        string `json:"repoURL"`
		Path           string `json:"path"`
		TargetRevision string `json:"targetRevision"`
	}
)

// refreshPaths is the annotation that names the files which an application is made of.
const refreshPaths = "argocd.argoproj.io/manifest-generate-paths"

// changedBy are the positions of the application's sources that a push changes. base is how
// applications name the server of the repositories.
func (a application) changedBy(p Push, base string) []int {
	url := strings.TrimSuffix(base, "/") + "/" + p.Repository
	var found []int
	for i, s := range a.sources() {
		branch := "refs/heads/" + s.TargetRevision
		if s.TargetRevision == "" || s.TargetRevision == "HEAD" {
			branch = "refs/heads/main"
		}
		if strings.TrimSuffix(s.RepoURL, ".git") == url && branch == p.Ref && a.madeOf(p.Files) {
			found = append(found, i)
		}
	}
	return found
}

func (a application) sources() []applicationSource {
	if a.Spec.Source != nil {
		return []applicationSource{*a.Spec.Source}
	}
	return a.Spec.Sources
}

// madeOf says whether one of the files is part of the application: those below the paths of
// its annotation, as Argo CD reads it, or else those below the paths of its sources.
func (a application) madeOf(files []string) bool {
	var parts []string
	for _, s := range a.sources() {
		named, ok := a.Metadata.Annotations[refreshPaths]
		if !ok {
			parts = append(parts, path.Join("/", s.Path))
			continue
		}
		for part := range strings.SplitSeq(named, ";") {
			switch {
			case part == "":
			case strings.HasPrefix(part, "/"):
				parts = append(parts, path.Clean(part))
			default:
				parts = append(parts, path.Join("/", s.Path, part))
			}
		}
	}
	for _, file := range files {
		file = path.Join("/", file)
		for _, part := range parts {
			matched, err := filepath.Match(part, file)
			if part == "/" || file == part || strings.HasPrefix(file, part+"/") || err == nil && matched {
				return true
			}
		}
	}
	return false
}

// contains says whether a revision of a repository has a commit in its history.
type contains func(ctx context.Context, repository, commit, revision string) bool

// serves says whether a source of the application runs a push, or a later one: what was
// compared with git has the push, is what git says, and is healthy. An operation that is
// still running may have more to apply.
func (a application) serves(ctx context.Context, p Push, source int, has contains) bool {
	revisions := a.Status.Sync.Revisions
	if a.Spec.Source != nil {
		revisions = []string{a.Status.Sync.Revision}
	}
	if a.Status.Sync.Status != "Synced" || a.Status.Health.Status != "Healthy" || source >= len(revisions) || revisions[source] == "" {
		return false
	}
	if o := a.Status.OperationState; o != nil && o.Phase == "Running" {
		return false
	}
	return revisions[source] == p.New || has(ctx, p.Repository, p.New, revisions[source])
}
