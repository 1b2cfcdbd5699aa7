package document

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProblemNamesWhatIsKnown(t *testing.T) {
	for want, p := range map[string]Problem{
		"a.yaml:3: spec.x: wrong": {File: "a.yaml", Line: 3, Field: "spec.x", Message: "wrong"},
		"a.yaml: spec.x: wrong":   {File: "a.yaml", Field: "spec.x", Message: "wrong"},
		"a.yaml: wrong":           {File: "a.yaml", Message: "wrong"},
		"wrong":                   {Message: "wrong"},
	} {
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestErrOrdersAndDoesNotRepeat(t *testing.T) {
	found := []Problem{
		{File: "b", Line: 1, Message: "1"},
		{File: "a", Line: 2, Message: "2"},
		{File: "a", Line: 1, Field: "y", Message: "3"},
		{File: "a", Line: 2, Message: "2"},
		{File: "a", Line: 1, Field: "x", Message: "4"},
	}
	var problems Problems
	if !errors.As(fmt.Errorf("wrapped: %w", Err(found)), &problems) {
		t.Fatal("it is not Problems")
	}
	if diff := cmp.Diff("a:1: x: 4\na:1: y: 3\na:2: 2\nb:1: 1", problems.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if found[0].File != "b" {
		t.Error("the argument was changed")
	}
	if err := Err(nil); err != nil {
		t.Errorf("nothing wrong is the error %v", err)
	}
}

func TestErrTellsTheFirstProblemsOfEachFile(t *testing.T) {
	var found []Problem
	for _, file := range []string{"a", "b"} {
		for line := range 2 * MaxProblems {
			found = append(found, Problem{File: file, Line: line + 1, Message: "wrong"})
		}
	}
	found = append(found, Problem{File: "c", Message: "wrong"})
	var problems Problems
	if !errors.As(Err(found), &problems) || len(problems) != 2*(MaxProblems+1)+1 {
		t.Fatalf("%d problems", len(problems))
	}
	if got, want := problems[MaxProblems].String(), "a:101: there are more problems from here on; fix those above first"; got != want {
		t.Errorf("the last of a file is %q, want %q", got, want)
	}
	if exactly := Err(found[:MaxProblems]); !errors.As(exactly, &problems) || len(problems) != MaxProblems || problems[MaxProblems-1].Message != "wrong" {
		t.Errorf("of the reported problems, the last is %v", problems[len(problems)-1])
	}
}
