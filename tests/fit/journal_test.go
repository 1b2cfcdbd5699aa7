package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// line is an event as `go test -json` writes it, so many seconds after noon.
func line(seconds float64, action, pkg, test, output string) string {
	return fmt.Sprintf(`{"Time":%q,"Action":%q,"Package":%q,"Test":%q,"Output":%q}`, at(seconds).Format(time.RFC3339Nano), action, pkg, test, output)
}

func read(t testing.TB, lines ...string) *journal {
	t.Helper()
	j := newJournal()
	for _, l := range lines {
		e, ok := decode([]byte(l))
		if !ok {
			t.Fatalf("%s is no event", l)
		}
		j.add(e)
	}
	return j
}

func TestOnlyOneTestThatFailedAloneMayBeRepeated(t *testing.T) {
	failed := []string{line(1, "run", "p", "TestA", ""), line(2, "fail", "p", "TestA", ""), line(2, "fail", "p", "", "")}
	for _, c := range []struct {
		name  string
		lines []string
		want  testID
		why   string
	}{
		{"one failed", failed, testID{"p", "TestA"}, ""},
		{"its subtests are part of it", append([]string{
			line(1, "run", "p", "TestA/x", ""), line(1, "fail", "p", "TestA/x", ""), line(1, "fail", "p", "TestA/y", ""),
		}, failed...), testID{"p", "TestA"}, ""},
		{"others passed or were skipped", append([]string{
			line(0, "run", "p", "TestB", ""), line(0, "pass", "p", "TestB", ""), line(0, "skip", "q", "TestC", ""), line(0, "pass", "q", "", ""),
		}, failed...), testID{"p", "TestA"}, ""},
		{"a test logged the word panic", append([]string{line(1, "output", "p", "TestA", "    a_test.go:7: panic: as expected\n")}, failed...), testID{"p", "TestA"}, ""},
		{"two failed", append([]string{line(0, "run", "p", "TestB", ""), line(0, "fail", "p", "TestB", "")}, failed...), testID{}, "2 tests failed"},
		{"none failed, but its package", []string{line(0, "run", "p", "TestB", ""), line(0, "pass", "p", "TestB", ""), line(0, "fail", "p", "", "")}, testID{}, "what failed is not a test"},
		{"another package failed, too", append([]string{line(0, "fail", "q", "", "")}, failed...), testID{}, "package q failed outside of its tests"},
		{"it did not compile", []string{`{"ImportPath":"p [p.test]","Action":"build-output","Output":"./a.go:3:1: syntax error\n"}`, `{"ImportPath":"p [p.test]","Action":"build-fail"}`, `{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`}, testID{}, "the build failed"},
		{"it panicked", append([]string{line(1, "output", "p", "TestA", "panic: runtime error: index out of range\n")}, failed...), testID{}, `p reported "panic: runtime error: index out of range"`},
		{"it took longer than -timeout", append([]string{line(1, "output", "p", "", "panic: test timed out after 20m0s\n")}, failed...), testID{}, `p reported "panic: test timed out after 20m0s"`},
		{"it raced", append([]string{line(1, "output", "p", "TestA", "WARNING: DATA RACE\n")}, failed...), testID{}, `p reported "WARNING: DATA RACE"`},
		{"a map was written by two at once", append([]string{line(1, "output", "p", "TestA", "fatal error: concurrent map writes\n")}, failed...), testID{}, `p reported "fatal error: concurrent map writes"`},
		{"the process ended in the middle of another", append([]string{line(0, "run", "p", "TestB", "")}, failed...), testID{}, "p TestB did not end"},
		{"nothing was reported", nil, testID{}, "what failed is not a test"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, why := read(t, c.lines...).suspect()
			if got != c.want || why != c.why {
				t.Errorf("%v %q, want %v %q", got, why, c.want, c.why)
			}
		})
	}
}

func TestAPausedTestDoesNotRun(t *testing.T) {
	j := read(t,
		line(1, "run", "p", "TestA", ""), line(2, "pause", "p", "TestA", ""),
		line(2, "run", "p", "TestB", ""),
		line(5, "cont", "p", "TestA", ""), line(5.5, "run", "p", "TestA/x", ""), line(6, "pause", "p", "TestA/x", ""), line(7, "cont", "p", "TestA/x", ""),
		line(8, "pass", "p", "TestA/x", ""), line(9, "pass", "p", "TestA", ""),
	)
	want := []window{{at(1), at(2)}, {at(5), at(9)}}
	if got := j.tests[testID{"p", "TestA"}].ran; !slices.Equal(got, want) {
		t.Errorf("it ran %v, want %v", got, want)
	}
	if !j.passed(testID{"p", "TestA"}) || j.passed(testID{"p", "TestB"}) || j.passed(testID{"p", "TestC"}) {
		t.Error("a test passed when it ended so, and neither while it runs nor when it never ran")
	}
}

func TestSendLagIsReadFromWhatATestPrints(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       time.Duration
	}{
		{"as a test prints it", "    load_test.go:99: SEND LAG p99 0.123 s\n", 123 * time.Millisecond},
		{"as ballast finds it", "inconclusive: instrument-unfit: send lag p99 in seconds is 0.2508, at most 0.1", 250800 * time.Microsecond},
		{"a small one", "send lag p99 in seconds is 9.5e-05, at most 0.1", 95 * time.Microsecond},
		{"the highest of several", "SEND LAG p99 0.1 s, SEND LAG p99 0.4 s, SEND LAG p99 0.2 s", 400 * time.Millisecond},
		{"the median does not count", "SEND LAG p50 0.3 s", 0},
		{"without a number there is none", "SEND LAG p99 NaN s", 0},
		{"an absurd one is an hour", "SEND LAG p99 1e+300 s", time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := sendLag(c.text); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	j := read(t, line(1, "run", "p", "TestA", ""), line(1, "output", "p", "TestA/x", "SEND LAG p99 0.2 s\n"), line(1, "output", "p", "TestB", "SEND LAG p99 0.9 s\n"))
	if got := j.tests[testID{"p", "TestA"}].sendLag; got != 200*time.Millisecond {
		t.Errorf("a test has the send lag of its subtests and of no other: %s", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(line(1, "output", "p", "TestA/x", "SEND LAG p99 0.2 s\n")))
	f.Add([]byte("go: downloading a module"))
	f.Add([]byte(`{"Action":"start"}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := decode(line)
		if !ok {
			return
		}
		if !strings.Contains(string(line), "ction") && !strings.Contains(strings.ToLower(string(line)), `\u`) {
			t.Errorf("%q has no action and is an event: %+v", line, e)
		}
		j := newJournal()
		j.add(e)
		if id, why := j.suspect(); (why == "") != (id != testID{}) {
			t.Errorf("%q: suspect %v, %q", line, id, why)
		}
	})
}
