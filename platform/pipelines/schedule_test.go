package pipelines

import (
	"fmt"
	"regexp"
	"strconv"
)

// mostRuns is how often Azure DevOps starts a pipeline by schedule in a week; it skips the
// rest without a word.
const mostRuns = 1000

// everyMinutes are the schedules that this test knows.
var everyMinutes = regexp.MustCompile(`^\*/([1-9][0-9]?) \* \* \* \*$`)

// schedules checks when a pipeline is started by the clock, and that it then waits for nobody.
func (w *walk) schedules(pipeline map[string]any) {
	list := sequence(pipeline["schedules"])
	if len(list) == 0 {
		return
	}
	if pipeline["trigger"] != "none" || pipeline["pr"] != "none" {
		w.wrong("a pipeline with a schedule is started by commits, too: want trigger: none and pr: none")
	}
	for _, item := range list {
		w.schedule(mapping(item))
	}
	for _, stage := range sequence(pipeline["stages"]) {
		for _, item := range sequence(mapping(stage)["jobs"]) {
			if job := mapping(item); job["deployment"] != nil {
				w.wrong("a schedule waits for the approval of %v", job["environment"])
			}
		}
	}
}

func (w *walk) schedule(s map[string]any) {
	found := everyMinutes.FindStringSubmatch(fmt.Sprint(s["cron"]))
	if found == nil {
		w.wrong("the schedule %v: want minutes, like */15 * * * *", s["cron"])
		return
	}
	every, err := strconv.Atoi(found[1])
	if err != nil {
		w.wrong("the schedule %v: %w", s["cron"], err)
		return
	}
	if runs := 7 * 24 * ((59 / every) + 1); runs > mostRuns {
		w.wrong("the schedule %v runs %d times a week; Azure DevOps allows %d", s["cron"], runs, mostRuns)
	}
	if s["always"] != "true" {
		w.wrong("the schedule %v does not run without a new commit: want always: \"true\"", s["cron"])
	}
	if on := fmt.Sprint(mapping(s["branches"])["include"]); on != "[main]" {
		w.wrong("the schedule %v runs %s, want [main]", s["cron"], on)
	}
}
