//go:build integration && linux

package integration

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// report is report.json, as far as these tests read it.
type report struct {
	Verdict     string       `json:"verdict"`
	Experiments []experiment `json:"experiments"`
}

type experiment struct {
	Name     string    `json:"name"`
	Attempt  int       `json:"attempt"`
	Control  bool      `json:"control"`
	Verdict  string    `json:"verdict"`
	Reason   string    `json:"reason"`
	Findings []finding `json:"findings"`
	T0       time.Time `json:"t0"`
	Removed  time.Time `json:"removed"`
	Phases   []struct {
		Phase string `json:"phase"`
	} `json:"phases"`
	Evidence struct {
		Before struct {
			Histories []history `json:"histories"`
		} `json:"before"`
	} `json:"evidence"`
}

// history is how far back samples go that a rule reads, in seconds.
type history struct {
	Window  float64 `json:"window"`
	Reaches float64 `json:"reaches"`
	Step    float64 `json:"step"`
}

type finding struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// evidence reads the three files that a run leaves in dir and fails the test
// unless each is whole: report.json by its schema, junit.xml and report.html to
// their last tag.
func evidence(t *testing.T, dir string) report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(repository, "docs", "report.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("report.json: %v", err)
	}
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	wholeXML(t, filepath.Join(dir, "junit.xml"))
	html, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(bytes.TrimSpace(html), []byte("</html>")) {
		t.Errorf("report.html ends with %q", html[max(0, len(html)-40):])
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("the evidence has other files: %v", entries)
	}
	return r
}

func wholeXML(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases := 0
	for dec := xml.NewDecoder(f); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "testcase" {
			cases++
		}
	}
	if cases == 0 {
		t.Errorf("%s has no test case", path)
	}
}

// one is the only experiment of a report.
func (r report) one(t *testing.T) experiment {
	t.Helper()
	if len(r.Experiments) != 1 {
		t.Fatalf("the report has %d experiments, want 1", len(r.Experiments))
	}
	return r.Experiments[0]
}

func TestEvidenceIsRenderedAgainIdentically(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.finish(document(t, podKill))
	if got := evidence(t, r.out).one(t); got.Verdict != "pass" {
		t.Errorf("verdict %s (%s), want pass", got.Verdict, got.Reason)
	}
	again := t.TempDir()
	if code, _, stderr := h.ballast("report", "--out", again, filepath.Join(r.out, "report.json")); code != 0 {
		t.Fatalf("ballast report: exit code %d: %s", code, stderr)
	}
	for _, name := range []string{"report.json", "junit.xml", "report.html"} {
		first, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(filepath.Join(again, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("%s is another one when it is rendered again", name)
		}
	}
	// What a run leaves is what can be attached to the image that it was about.
	place := newRegistry(t) + "/ballast/monitor"
	args := []string{"attest", "--image", place + "@" + pushed(t, place), "--revision", strings.Repeat("0", 40), "--environment", "staging", filepath.Join(r.out, "report.json")}
	if code, stdout, stderr := h.ballast(args...); code != 0 || !strings.Contains(stdout, " of 1 experiments is attached to "+place) {
		t.Errorf("ballast attest: exit code %d: %s%s", code, stdout, stderr)
	}
}
