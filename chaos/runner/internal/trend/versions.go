package trend

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

// runKey finds a run in the reports.
type runKey struct {
	id    string
	ended int64
}

// versionsOf are the versions that each run was made with. A library of the runner is
// named by its module's path.
func versionsOf(reports []result.Report) map[runKey]map[string]string {
	out := map[runKey]map[string]string{}
	for _, r := range reports {
		v := map[string]string{}
		set := func(what, version string) {
			if version != "" {
				v[what] = version
			}
		}
		set("ballast", r.Tool.Version)
		set("ballast's commit", r.Tool.Revision)
		set("Go", r.Tool.Go)
		set("executable of the monitor", short(r.Target.Monitor))
		for module, version := range r.Tool.Modules {
			set(module, version)
		}
		if c := r.Target.Cluster; c != nil {
			set("cluster", c.Context)
			set("Kubernetes", c.Kubernetes)
			set("Chaos Mesh", c.ChaosMesh)
			set("Prometheus of the cluster", c.Prometheus)
			for container, digests := range c.Images {
				var all []string
				for _, d := range digests {
					all = append(all, short(d))
				}
				set("image of "+container, strings.Join(all, ", "))
			}
		}
		for _, run := range r.Experiments {
			out[runKey{run.ID, run.Ended.UnixNano()}] = v
		}
	}
	return out
}

// shortDigits are enough of a digest to tell it from the others of one service.
const shortDigits = len("sha256:") + 12

func short(digest string) string { return digest[:min(len(digest), shortDigits)] }

// Version is one version of something of which there was more than one, and when it was
// seen.
type Version struct {
	What    string    `json:"what"`
	Version string    `json:"version"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Runs    int       `json:"runs"`
}

// spans are the versions that differ, by what they are versions of and when they appeared.
func spans(experiments []Experiment) []Version {
	seen := map[[2]string]*Version{}
	kinds := map[string]int{}
	for _, x := range experiments {
		for _, r := range x.Runs {
			for what, version := range r.versions {
				s := seen[[2]string{what, version}]
				if s == nil {
					s = &Version{What: what, Version: version, First: r.Ended, Last: r.Ended}
					seen[[2]string{what, version}] = s
					kinds[what]++
				}
				s.Runs++
				if r.Ended.Before(s.First) {
					s.First = r.Ended
				}
				if r.Ended.After(s.Last) {
					s.Last = r.Ended
				}
			}
		}
	}
	out := []Version{}
	for _, s := range seen {
		if kinds[s.What] > 1 {
			out = append(out, *s)
		}
	}
	slices.SortFunc(out, func(a, b Version) int {
		return cmp.Or(cmp.Compare(a.What, b.What), a.First.Compare(b.First), cmp.Compare(a.Version, b.Version))
	})
	return out
}
