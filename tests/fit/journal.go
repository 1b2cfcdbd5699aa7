package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event is one line of `go test -json`; `go doc test2json` describes it.
type event struct {
	Time                          time.Time
	Action, Package, Test, Output string
}

// decode reads one line; ok is false for one that is no event.
func decode(line []byte) (e event, ok bool) {
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		return event{}, false
	}
	return e, true
}

// testID names a test that was not started by another.
type testID struct{ pkg, name string }

func (id testID) String() string { return id.pkg + " " + id.name }

// id is the test that the event belongs to; sub says that it is about a subtest.
func (e event) id() (id testID, sub bool) {
	name, _, sub := strings.Cut(e.Test, "/")
	return testID{e.Package, name}, sub
}

// testRun is how one test went.
type testRun struct {
	ran     []window // while it was not paused
	since   time.Time
	ended   string // pass, fail or skip; empty while it runs
	sendLag time.Duration
}

// journal is what `go test` reported about a run so far.
type journal struct {
	tests          map[testID]*testRun
	failedPackages map[string]bool
	// broken says what went wrong that no busy machine causes; empty if nothing did.
	broken string
}

func newJournal() *journal {
	return &journal{tests: map[testID]*testRun{}, failedPackages: map[string]bool{}}
}

// crashes begin a line that the testing package did not indent: the process itself or
// the race detector wrote it.
var crashes = []string{"panic: ", "fatal error: ", "WARNING: DATA RACE"} //nolint:gochecknoglobals // a constant list

// add takes the next event. Events of a subtest count for the test around it.
func (j *journal) add(e event) {
	for _, crash := range crashes {
		if strings.HasPrefix(e.Output, crash) {
			j.breaks(fmt.Sprintf("%s reported %q", e.Package, strings.TrimSpace(e.Output)))
		}
	}
	switch {
	case e.Action == "build-fail":
		j.breaks("the build failed")
	case e.Test == "" && e.Action == "fail":
		j.failedPackages[e.Package] = true
	case e.Test != "":
		j.test(e)
	}
}

func (j *journal) breaks(why string) {
	if j.broken == "" {
		j.broken = why
	}
}

func (j *journal) test(e event) {
	id, sub := e.id()
	t := j.tests[id]
	if t == nil {
		t = &testRun{}
		j.tests[id] = t
	}
	if e.Action == "output" {
		t.sendLag = max(t.sendLag, sendLag(e.Output))
	}
	if sub {
		return
	}
	switch e.Action {
	case "run", "cont":
		t.since = e.Time
	case "pause", "pass", "fail", "skip":
		if !t.since.IsZero() {
			t.ran = append(t.ran, window{t.since, e.Time})
			t.since = time.Time{}
		}
		if e.Action != "pause" {
			t.ended = e.Action
		}
	}
}

// A test prints the first form, ballast's finding has the second.
var sendLagLine = regexp.MustCompile(`(?i)send lag p99(?: in seconds is)? ([0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?)`)

// sendLag is the 99th percentile of the send lag that the text states, 0 if none.
func sendLag(text string) time.Duration {
	var highest time.Duration
	for _, m := range sendLagLine.FindAllStringSubmatch(text, -1) {
		if seconds, err := strconv.ParseFloat(m[1], 64); err == nil {
			highest = max(highest, time.Duration(min(seconds, 3600)*float64(time.Second)))
		}
	}
	return highest
}

// failed are the tests that failed, by name.
func (j *journal) failed() []testID {
	var out []testID
	for id, t := range j.tests {
		if t.ended == "fail" {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b testID) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// suspect is the one test that failed, if the whole run failed because of it alone.
// Otherwise why says what rules a repetition out.
func (j *journal) suspect() (id testID, why string) {
	failed := j.failed()
	switch {
	case j.broken != "":
		return id, j.broken
	case len(failed) > 1:
		return id, fmt.Sprintf("%d tests failed", len(failed))
	case len(failed) == 0:
		return id, "what failed is not a test"
	}
	for id, t := range j.tests {
		if t.ended == "" {
			return testID{}, id.String() + " did not end"
		}
	}
	for pkg := range maps.Keys(j.failedPackages) {
		if pkg != failed[0].pkg {
			return id, "package " + pkg + " failed outside of its tests"
		}
	}
	return failed[0], ""
}

// passed reports whether the test ran and passed. A run that did not get to it passes
// without it.
func (j *journal) passed(id testID) bool { return j.tests[id] != nil && j.tests[id].ended == "pass" }

// figure is what the machine denied to the test, which must have run.
func (j *journal) figure(id testID, seen series) figure {
	t := j.tests[id]
	if t == nil {
		return figure{}
	}
	f := seen.over(t.ran)
	f.sending = t.sendLag
	return f
}
