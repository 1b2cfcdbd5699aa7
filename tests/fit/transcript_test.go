package main

import (
	"bytes"
	"testing"
)

func TestOnlyWhatFailedIsPrintedUnlessVerbose(t *testing.T) {
	events := []event{
		{Action: "run", Package: "p", Test: "TestA"},
		{Action: "output", Package: "p", Test: "TestA", Output: "good\n"},
		{Action: "output", Package: "p", Test: "TestB/sub", Output: "bad\n"},
		{Action: "fail", Package: "p", Test: "TestB/sub"},
		{Action: "pass", Package: "p", Test: "TestA"},
		{Action: "fail", Package: "p", Test: "TestB"},
		{Action: "output", Package: "p", Test: "TestC", Output: "killed\n"},
		{Action: "output", Package: "p", Output: "FAIL p\n"},
	}
	for _, c := range []struct {
		name    string
		verbose bool
		want    string
	}{
		{"of a test that failed or did not end, with its subtests", false, "bad\nFAIL p\nkilled\n"},
		{"of every test, as it comes", true, "good\nbad\nkilled\nFAIL p\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			printed := transcript{out: &out, verbose: c.verbose}
			for _, e := range events {
				printed.add(e)
			}
			printed.flush()
			if out.String() != c.want {
				t.Errorf("%q, want %q", out.String(), c.want)
			}
		})
	}
}
