package main

import (
	"slices"
	"testing"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
	"github.com/ballast-sre/ballast/internal/prom"
)

// The published expositions of the platform's programs were recorded in a sandbox that was
// well; that of the repositories is what their own program says in its test. The dashboard
// has to say so, with the very values that were recorded.
func TestThePlatformThatWasRecordedIsShownAsWell(t *testing.T) {
	boards := slices.DeleteFunc(generated(t), func(d lint.Dashboard) bool { return d.UID != uidPlatform })
	recorded := slices.DeleteFunc(programs(), func(p program) bool {
		return !slices.Contains([]string{"argocd", "prometheus", "alertmanager", "otel-collector", "victorialogs", "git"}, p.file)
	})
	empty := map[string]string{
		"Platform: Alerts: Alerts that fire": "nothing was wrong",
	}
	ask(t, worldRecorded, recorded, boards, func(t *testing.T, _ *prom.Client, got answers) {
		if len(got) == 0 {
			t.Error("there are no panels")
		}
		for panel, p := range got {
			for i, text := range p.texts {
				if text == "" && empty[panel] == "" {
					t.Errorf("%s %s is empty", panel, refID(i))
				}
			}
			for column, colour := range p.colours {
				if !calm(colour) {
					t.Errorf("%s%s is %s", panel, column, colour)
				}
			}
		}
		for panel := range empty {
			if got[panel] == nil {
				t.Errorf("%s may be empty and is not a panel", panel)
			}
		}
	})
}
