package promotion

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
)

// Change is one promotion.
type Change struct {
	From, To      string // environments; From is empty where a pipeline brings the pair
	Before, After Pair
	Policy        Policy
	Decision      *Decision // nil: no verdict is asked for
	Described     string    // what it changes, by the program that knows charts
	Now           time.Time
}

// Title is the first line of the commit.
func (c Change) Title() string {
	return titleBegins + attest.Short(c.After.Revision) + titleEnds(c.To)
}

const titleBegins = "Promote "

func titleEnds(environment string) string { return " to " + environment }

// Body is the rest of the commit's message, and that of a pull request, in Markdown.
func (c Change) Body() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if c.From != "" {
		line("What runs in %s goes to %s.", c.From, c.To)
	} else {
		line("What was built goes to %s.", c.To)
	}
	line("")
	line("- revision: %s → %s", c.Before.Revision, c.After.Revision)
	for _, name := range slices.Sorted(maps.Keys(c.After.Images)) {
		before := c.Before.Images[name]
		if before == "" {
			before = "none"
		}
		line("- %s: %s → %s", name, before, c.After.Images[name])
	}
	line("\n## Verdict\n")
	if c.Decision == nil {
		line("%s asks for no verdict.", c.To)
	} else {
		line("%s: each of %d experiments passed in %s, with this revision and image, in the last %s. Computed again from the evidence that is attached to the image.",
			c.Decision.Verdict, len(c.Decision.Counted), c.From, c.Policy.Verdicts.MaxAge)
		line("")
		for _, r := range c.Decision.Counted {
			line("- %s: passed %s, %s ago; evidence %s, runner %s", r.Experiment, r.Ended.UTC().Format(time.RFC3339),
				c.Now.Sub(r.Ended).Round(time.Minute), r.Attached, attest.Short(r.Runner))
		}
	}
	if len(c.Policy.Keys) > 0 {
		line("\nImages are signed with a key of %s.", strings.Join(c.Policy.Keys, ", "))
	} else {
		line("\n%s asks for no signatures.", c.To)
	}
	line("\n%s", strings.TrimSpace(c.Described))
	return b.String()
}

// Branch is the one on which a pull request brings the pair: the same for the same pair.
func (c Change) Branch() string {
	return "promotion/" + c.To + "-" + attest.Short(attest.Digest(c.After.Text()))
}
