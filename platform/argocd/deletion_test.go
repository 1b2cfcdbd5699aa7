package argocd

import (
	"slices"
	"strings"
	"testing"
)

const syncOptions = "argocd.argoproj.io/sync-options"

// options are what an object says to Argo CD about itself.
func (m meta) options() []string {
	var all []string
	for option := range strings.SplitSeq(m.Annotations[syncOptions], ",") {
		if option = strings.TrimSpace(option); option != "" {
			all = append(all, option)
		}
	}
	return all
}

// What an environment is called, and where it is, is written in a label, a directory
// and the ApplicationSet. A mistake in one of them must not delete what runs.
func TestNothingThatRunsGoesWithTheNameOfAnEnvironment(t *testing.T) {
	for _, name := range []string{"environments", "tenants"} {
		t.Run(name, func(t *testing.T) { keepsWhatRuns(t, name) })
	}
}

func keepsWhatRuns(t *testing.T, name string) {
	t.Helper()
	set := setOf(t, name).Spec
	if got := set.SyncPolicy.ApplicationsSync; got != "create-update" {
		t.Errorf("applicationsSync is %q: an environment whose directory or label is not found is deleted", got)
	}
	if !set.SyncPolicy.PreserveResourcesOnDeletion {
		t.Error("preserveResourcesOnDeletion is off: deleting the ApplicationSet deletes all that its environments applied")
	}
	if got := set.Template.Metadata.Finalizers; len(got) > 0 {
		t.Errorf("environments have the finalizers %q, which preserveResourcesOnDeletion does not remove", got)
	}
	if paths, ok := set.Template.Metadata.Annotations["argocd.argoproj.io/manifest-generate-paths"]; ok {
		t.Errorf("it is compared anew for changes in %q only, and a file that was moved out of there is none to Argo CD: it would stay deployed", paths)
	}
	if !slices.Contains(set.Template.Spec.SyncPolicy.SyncOptions, "FailOnSharedResource=true") {
		t.Error("without FailOnSharedResource, a label that names another environment turns this one into that")
	}
}

func TestDeletingAnEnvironmentWaitsForConfirmation(t *testing.T) {
	for _, name := range names(t) {
		for _, a := range environment(t, name).applications {
			t.Run(name+"/"+a.Metadata.Name, func(t *testing.T) {
				options := a.Metadata.options()
				if name != "sandbox" && !slices.Contains(options, "Delete=confirm") {
					t.Errorf("%s is %q: it goes with its environment, without a question", syncOptions, options)
				}
				for _, option := range options {
					if strings.HasPrefix(option, "Prune=") {
						t.Errorf("%s: a sync that must not prune it, or waits for somebody who confirms it, holds up everything behind it", option)
					}
				}
			})
		}
	}
}
