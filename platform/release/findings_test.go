package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func recording(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// today is when the recordings' databases are of.
func today() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }

func TestWhatTheScannerFoundIsJudged(t *testing.T) {
	f, err := readFindings(recording(t, "vulnerable.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.usable(today(), 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	byID := map[string]vulnerability{}
	for _, v := range f.vulnerabilities {
		byID[v.id] = v
	}
	linked := byID["GO-2026-90001"]
	if linked.symbol == "" || linked.summary == "" || linked.version == "" {
		t.Fatalf("%+v", linked)
	}
	known, err := readFindings([]byte(`{"config":{"protocol_version":"v1.0.0"}} {"finding":{"osv":"GO-1","trace":[{"module":"example.org/m","version":"v1.0.0"}]}}`))
	if err != nil || len(known.vulnerabilities) != 1 {
		t.Fatalf("%+v, %v", known, err)
	}
	idle := known.vulnerabilities[0]
	excepted := func(until string) []exception {
		return []exception{{ID: linked.id, Image: "monitor", Reason: "It parses nothing of others.", Until: until}}
	}
	for title, tt := range map[string]struct {
		v     vulnerability
		image string
		known []exception
		ok    bool
		says  string
	}{
		"a module with its function":            {linked, "monitor", nil, false, "vulnerable: "},
		"a module without its function":         {idle, "monitor", nil, true, "none of its functions is linked"},
		"one that is excepted":                  {linked, "monitor", excepted("2026-11-30"), true, "excepted until 2026-11-30: It parses nothing of others."},
		"one whose exception ended":             {linked, "monitor", excepted("2026-11-29"), false, "its exception ended on 2026-11-29"},
		"one that is excepted in another image": {linked, "ballast", excepted("2026-12-31"), false, "vulnerable: "},
	} {
		t.Run(title, func(t *testing.T) {
			note, ok := tt.v.judge(tt.image, tt.known, today())
			if ok != tt.ok || !strings.Contains(note, tt.says) || !strings.Contains(note, tt.v.id) {
				t.Errorf("%v, want %v and %q: %s", ok, tt.ok, tt.says, note)
			}
		})
	}
}

func TestOutputThatMeansNothing(t *testing.T) {
	now := time.Now()
	for title, tt := range map[string]struct{ out, says string }{
		"nothing at all":       {"", "does not say which database"},
		"words":                {"no vulnerabilities found", "cannot be read"},
		"half an answer":       {`{"config":{"protocol_version":"v1.0.0"`, "cannot be read"},
		"another protocol":     {`{"config":{"protocol_version":"v2.0.0"}}`, `prints protocol "v2.0.0", want v1`},
		"no database":          {`{"config":{"protocol_version":"v1.0.0"}}`, "does not say which database"},
		"a database of no day": {`{"config":{"protocol_version":"v1.0.0","db":"file:///db"}}`, "has no date (db_last_modified)"},
		"no module":            {`{"config":{"protocol_version":"v1.0.0","db":"file:///db","db_last_modified":"` + now.Format(time.RFC3339) + `"}}`, "found no module"},
	} {
		t.Run(title, func(t *testing.T) {
			f, err := readFindings([]byte(tt.out))
			if err == nil {
				err = f.usable(now, time.Hour)
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("want %q: %v", tt.says, err)
			}
		})
	}
}

func TestExceptionsThatAreRefused(t *testing.T) {
	head := "apiVersion: ballast.dev/v1alpha1\nkind: ScanExceptions\nmetadata: {name: exceptions}\nspec:\n  exceptions:\n"
	for title, tt := range map[string]struct{ text, says string }{
		"without a reason": {head + "    - {id: GO-1, image: monitor, until: \"2026-12-31\"}\n", "spec.exceptions[0].reason: missing"},
		"for ever":         {head + "    - {id: GO-1, image: monitor, reason: x}\n", "every exception ends"},
		"on no day":        {head + "    - {id: GO-1, image: monitor, reason: x, until: soon}\n", `"soon" is not a day`},
		"of all images":    {head + "    - {id: GO-1, reason: x, until: \"2026-12-31\"}\n", "spec.exceptions[0].image: missing"},
		"with a misspelt":  {head + "    - {id: GO-1, image: monitor, reasons: x, until: \"2026-12-31\"}\n", "reasons"},
		"of another kind":  {"apiVersion: ballast.dev/v1alpha1\nkind: Pair\n", "want ballast.dev/v1alpha1 ScanExceptions"},
		"that are no YAML": {"\t", "exceptions.yaml"},
		"that are two":     {head + "    []\n---\n" + head + "    []\n", "it holds 2 documents"},
	} {
		t.Run(title, func(t *testing.T) {
			if _, err := parseExceptions("exceptions.yaml", []byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.says) || exitCode(err) != exitInvalid {
				t.Errorf("want %q: %v", tt.says, err)
			}
		})
	}
	if all, err := readExceptions("exceptions.yaml"); err != nil {
		t.Errorf("those of this repository: %v, %v", all, err)
	}
}

func FuzzFindings(f *testing.F) {
	for _, file := range []string{"clean.json", "vulnerable.json", "undated.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := readFindings(data)
		if err != nil {
			return
		}
		for _, v := range found.vulnerabilities {
			if note, _ := v.judge("monitor", nil, today()); note == "" {
				t.Error("a finding of which nothing is said")
			}
		}
	})
}

func FuzzExceptions(f *testing.F) {
	f.Add([]byte("apiVersion: ballast.dev/v1alpha1\nkind: ScanExceptions\nspec: {exceptions: [{id: a, image: b, reason: c, until: \"2026-12-31\"}]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parseExceptions("f", data)
		for _, e := range all {
			if err == nil && (e.Reason == "" || e.Until == "") {
				t.Errorf("accepted: %+v", e)
			}
		}
	})
}
