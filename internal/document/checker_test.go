package document

import "testing"

func checkerOf(t *testing.T, text string) *Checker {
	t.Helper()
	docs, problems := Split("f", []byte(text))
	if len(docs) != 1 || len(problems) > 0 {
		t.Fatalf("%d documents, %v", len(docs), problems)
	}
	return &Checker{Doc: docs[0]}
}

func TestAFieldIsBadWithWhatItLiesInAndWhatLiesInIt(t *testing.T) {
	c := checkerOf(t, "list: [{deep: 1}]\n")
	c.Decode(&sample{})
	c.Problem("", "the document as a whole")
	for path, want := range map[string]bool{
		"list[0].deep": true, "list[0]": true, "list": true, "list[0].deep.deeper": true,
		"list[1]": false, "list[0].dee": false, "lis": false, "text": false,
	} {
		if got := c.Bad(path); got != want {
			t.Errorf("Bad(%q) is %v, want %v", path, got, want)
		}
	}
}

func TestACheckerNotesNoMoreThanIsTold(t *testing.T) {
	c := checkerOf(t, "text: a\n")
	for range 2 * MaxProblems {
		c.Problem("text", "wrong")
	}
	if len(c.Problems) != MaxProblems+1 {
		t.Errorf("%d problems, want %d", len(c.Problems), MaxProblems+1)
	}
	if want := "f:1: text: wrong"; c.Problems[0].String() != want {
		t.Errorf("%q, want %q", c.Problems[0], want)
	}
}
