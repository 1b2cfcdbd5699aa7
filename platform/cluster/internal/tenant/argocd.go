package tenant

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The parts of Argo CD's objects that a team's file has. What is missing here is refused,
// so that a misspelt field is.
type (
	meta struct {
		Name        string            `json:"name"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		Finalizers  []string          `json:"finalizers"`
	}
	destination struct {
		Server    string `json:"server"`
		Namespace string `json:"namespace"`
	}
	kind struct {
		Group string `json:"group"`
		Kind  string `json:"kind"`
		Name  string `json:"name"` // of objects of the whole cluster; empty is any
	}
	project struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   meta   `json:"metadata"`
		Spec       struct {
			Description                string        `json:"description"`
			SourceRepos                []string      `json:"sourceRepos"`
			Destinations               []destination `json:"destinations"`
			ClusterResourceWhitelist   []kind        `json:"clusterResourceWhitelist"`
			NamespaceResourceWhitelist []kind        `json:"namespaceResourceWhitelist"`
			NamespaceResourceBlacklist []kind        `json:"namespaceResourceBlacklist"`
		} `json:"spec"`
	}
	application struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   meta   `json:"metadata"`
		Spec       struct {
			Project string `json:"project"`
			Source  struct {
				RepoURL        string `json:"repoURL"`
				TargetRevision string `json:"targetRevision"`
				Path           string `json:"path"`
				Helm           struct {
					ReleaseName  string         `json:"releaseName"`
					ValuesObject map[string]any `json:"valuesObject"`
				} `json:"helm"`
			} `json:"source"`
			Destination destination `json:"destination"`
			SyncPolicy  struct {
				Automated struct {
					Prune    bool `json:"prune"`
					SelfHeal bool `json:"selfHeal"`
				} `json:"automated"`
				ManagedNamespaceMetadata struct {
					Labels      map[string]string `json:"labels"`
					Annotations map[string]string `json:"annotations"`
				} `json:"managedNamespaceMetadata"`
				SyncOptions []string `json:"syncOptions"`
				Retry       struct {
					Limit   int  `json:"limit"`
					Refresh bool `json:"refresh"`
					Backoff struct {
						Duration    string `json:"duration"`
						Factor      int    `json:"factor"`
						MaxDuration string `json:"maxDuration"`
					} `json:"backoff"`
				} `json:"retry"`
			} `json:"syncPolicy"`
		} `json:"spec"`
	}
)

const (
	inCluster   = "https://kubernetes.default.svc"
	waveKey     = "argocd.argoproj.io/sync-wave"
	enforceKey  = "pod-security.kubernetes.io/enforce"
	injectKey   = "chaos-mesh.org/inject"
	finalizer   = "resources-finalizer.argocd.argoproj.io"
	restricted  = "restricted"
	platformsEn = 2 // the last wave of the platform's own applications
)

func wild(s string) bool { return strings.ContainsAny(s, "*?[!") }

// forbidden are the kinds with which a team could widen what it may do, or what others are
// measured by.
func forbidden(k kind) bool {
	switch k.Group {
	case "rbac.authorization.k8s.io", "argoproj.io", "chaos-mesh.org", "apiextensions.k8s.io", "admissionregistration.k8s.io":
		return true
	case "":
		return slices.Contains([]string{"ResourceQuota", "LimitRange"}, k.Kind)
	}
	return false
}

func (c *checker) checkProject(there known) {
	p := c.project.Spec
	name := c.project.Metadata.Name
	if _, taken := there.projects[name]; taken || name == "" {
		c.ofProject("metadata.name", "the name %q is taken or empty; projects are %s", name, strings.Join(slices.Sorted(maps.Keys(there.projects)), ", "))
	}
	if p.Description == "" || len(p.Description) > 255 {
		c.ofProject("spec.description", "say in at most 255 characters what the project is for")
	}
	if len(p.SourceRepos) == 0 {
		c.ofProject("spec.sourceRepos", "missing; name the team's repository")
	}
	for _, repo := range p.SourceRepos {
		if wild(repo) {
			c.ofProject("spec.sourceRepos", "%q opens more than one repository; name each", repo)
		}
	}
	c.checkDestinations(there)
	if p.NamespaceResourceWhitelist == nil {
		c.ofProject("spec.namespaceResourceWhitelist", "missing, which allows every kind; list those that the chart has")
	}
	for _, k := range p.NamespaceResourceWhitelist {
		if wild(k.Group+k.Kind) || forbidden(k) {
			c.ofProject("spec.namespaceResourceWhitelist", "a team may not have %s of %q; take it off the list", k.Kind, k.Group)
		}
	}
	for _, k := range p.ClusterResourceWhitelist {
		own := k.Group == "" && k.Kind == "Namespace" && slices.ContainsFunc(p.Destinations, func(d destination) bool { return d.Namespace == k.Name })
		if !own {
			c.ofProject("spec.clusterResourceWhitelist", "%s %q is of the whole cluster; of those a team has its own namespace alone, by name", k.Kind, k.Name)
		}
	}
	if wave, err := strconv.Atoi(c.project.Metadata.Annotations[waveKey]); err != nil || wave >= 0 {
		c.ofProject("metadata.annotations", "%s is %q; want \"-1\", so that the project is there before its application", waveKey, c.project.Metadata.Annotations[waveKey])
	}
}

func (c *checker) checkDestinations(there known) {
	p := c.project.Spec
	if len(p.Destinations) == 0 {
		c.ofProject("spec.destinations", "missing; name the team's namespace")
	}
	for _, d := range p.Destinations {
		switch {
		case d.Server != inCluster || d.Namespace == "" || wild(d.Namespace):
			c.ofProject("spec.destinations", "namespace %q of server %q: want one namespace, without wildcards, of %s", d.Namespace, d.Server, inCluster)
		case strings.HasPrefix(d.Namespace, "kube-") || d.Namespace == "default" || d.Namespace == "ballast-system":
			c.ofProject("spec.destinations", "namespace %s is the cluster's own; name the team's", d.Namespace)
		}
		for _, name := range slices.Sorted(maps.Keys(there.projects)) {
			if slices.ContainsFunc(there.projects[name].Spec.Destinations, func(o destination) bool { return o.Namespace == d.Namespace }) {
				c.ofProject("spec.destinations", "namespace %s is of project %s; name another", d.Namespace, name)
			}
		}
	}
}

func (c *checker) checkApplication(there known) {
	a := c.application.Spec
	name := c.application.Metadata.Name
	if there.applications[name] || name == "" {
		c.ofApplication("metadata.name", "the name %q is taken or empty", name)
	}
	if a.Project != c.project.Metadata.Name {
		c.ofApplication("spec.project", "%q is not the project of this file, %s", a.Project, c.project.Metadata.Name)
	}
	if !slices.Contains(c.project.Spec.SourceRepos, a.Source.RepoURL) {
		c.ofApplication("spec.source.repoURL", "project %s refuses %q; it allows %s", c.project.Metadata.Name, a.Source.RepoURL, strings.Join(c.project.Spec.SourceRepos, ", "))
	}
	if a.Source.TargetRevision == "" || a.Source.TargetRevision == "HEAD" {
		c.ofApplication("spec.source.targetRevision", "name a branch or a commit")
	}
	if !slices.Contains(c.project.Spec.Destinations, a.Destination) {
		c.ofApplication("spec.destination", "project %s refuses namespace %q of %q", c.project.Metadata.Name, a.Destination.Namespace, a.Destination.Server)
	}
	if !slices.Equal(c.application.Metadata.Finalizers, []string{finalizer}) {
		c.ofApplication("metadata.finalizers", "want [%s]: without it, what was deployed stays when this file goes", finalizer)
	}
	if wave, err := strconv.Atoi(c.application.Metadata.Annotations[waveKey]); err != nil || wave <= platformsEn {
		c.ofApplication("metadata.annotations", "%s is %q; want \"3\" or more, so that the platform does not wait for it", waveKey, c.application.Metadata.Annotations[waveKey])
	}
	c.checkSync()
}

func (c *checker) checkSync() {
	p := c.application.Spec.SyncPolicy
	if !p.Automated.Prune || !p.Automated.SelfHeal {
		c.ofApplication("spec.syncPolicy.automated", "want {prune: true, selfHeal: true}: else what git no longer says stays, and drift does")
	}
	for _, option := range []string{"ServerSideApply=true", "CreateNamespace=true"} {
		if !slices.Contains(p.SyncOptions, option) {
			c.ofApplication("spec.syncPolicy.syncOptions", "%s is missing", option)
		}
	}
	if level := p.ManagedNamespaceMetadata.Labels[enforceKey]; level != restricted {
		c.ofApplication("spec.syncPolicy.managedNamespaceMetadata.labels", "%s is %q; want %s", enforceKey, level, restricted)
	}
	if _, ok := p.ManagedNamespaceMetadata.Annotations[injectKey]; ok {
		c.ofApplication("spec.syncPolicy.managedNamespaceMetadata.annotations", "%s lets experiments of the platform hit the team; ask for it when there is one of its own", injectKey)
	}
	values := len(c.application.Spec.Source.Helm.ValuesObject) > 0
	switch limit := p.Retry.Limit; {
	case values && limit < 1:
		c.ofApplication("spec.syncPolicy.retry.limit", "%d; with values in this file a try keeps those that failed, so it needs an end: 10", limit)
	case !values && limit >= 0:
		c.ofApplication("spec.syncPolicy.retry.limit", "%d; want -1, so that a failed sync is tried until it works", limit)
	}
	if !p.Retry.Refresh || p.Retry.Backoff.Factor < 2 || !isDuration(p.Retry.Backoff.Duration) || !isDuration(p.Retry.Backoff.MaxDuration) {
		c.ofApplication("spec.syncPolicy.retry", "want {refresh: true, backoff: {duration: 2s, factor: 2, maxDuration: 10s}}: longer each time, and with what was pushed since")
	}
	if src := c.application.Spec.Source.Path; src == "" || path.IsAbs(src) || path.Clean(src) != src || strings.HasPrefix(src, "..") {
		c.ofApplication("spec.source.path", "%q is not a directory of the repository", src)
	}
}

func isDuration(s string) bool {
	d, err := time.ParseDuration(s)
	return err == nil && d > 0
}
