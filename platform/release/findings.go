package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// findings is what the scanner found in one program.
type findings struct {
	scanner, database string
	modified          time.Time // of the newest entry of the database; zero when it is not known
	modules           int       // that the scanner saw
	vulnerabilities   []vulnerability
}

// vulnerability is one entry of the database that a program is open to.
type vulnerability struct {
	id, summary, module, version, fixed string
	symbol                              string // a vulnerable function that may be linked; empty when none is
}

// message is one of the stream that govulncheck prints, of which exactly one field is there:
// https://pkg.go.dev/golang.org/x/vuln/internal/govulncheck.
type message struct {
	Config *struct {
		ProtocolVersion string    `json:"protocol_version"`
		ScannerName     string    `json:"scanner_name"`
		ScannerVersion  string    `json:"scanner_version"`
		DB              string    `json:"db"`
		DBLastModified  time.Time `json:"db_last_modified"`
	} `json:"config"`
	SBOM *struct {
		Modules []struct {
			Path string `json:"path"`
		} `json:"modules"`
	} `json:"SBOM"`
	OSV *struct {
		ID      string `json:"id"`
		Summary string `json:"summary"`
	} `json:"osv"`
	Finding *struct {
		OSV          string `json:"osv"`
		FixedVersion string `json:"fixed_version"`
		Trace        []struct {
			Module   string `json:"module"`
			Version  string `json:"version"`
			Package  string `json:"package"`
			Function string `json:"function"`
			Receiver string `json:"receiver"`
		} `json:"trace"`
	} `json:"finding"`
}

// readFindings reads what govulncheck printed as JSON.
func readFindings(out []byte) (findings, error) {
	var f findings
	summaries := map[string]string{}
	found := map[string]vulnerability{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m message
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f, fmt.Errorf("the scanner's output cannot be read: %w", err)
		}
		switch {
		case m.Config != nil:
			if !strings.HasPrefix(m.Config.ProtocolVersion, "v1.") {
				return f, fmt.Errorf("the scanner prints protocol %q, want v1; take the one of tools/govulncheck", m.Config.ProtocolVersion)
			}
			f.scanner = strings.TrimSpace(m.Config.ScannerName + " " + m.Config.ScannerVersion)
			f.database, f.modified = m.Config.DB, m.Config.DBLastModified
		case m.SBOM != nil:
			f.modules += len(m.SBOM.Modules)
		case m.OSV != nil:
			summaries[m.OSV.ID] = m.OSV.Summary
		case m.Finding != nil && len(m.Finding.Trace) > 0:
			at := m.Finding.Trace[0]
			v := found[m.Finding.OSV+" "+at.Module]
			v.id, v.module, v.version, v.fixed = m.Finding.OSV, at.Module, at.Version, m.Finding.FixedVersion
			if at.Function != "" && v.symbol == "" {
				v.symbol = strings.Trim(at.Package+"."+strings.Trim(at.Receiver+"."+at.Function, "."), ".")
			}
			found[m.Finding.OSV+" "+at.Module] = v
		}
	}
	for _, v := range found {
		v.summary = summaries[v.id]
		f.vulnerabilities = append(f.vulnerabilities, v)
	}
	slices.SortFunc(f.vulnerabilities, func(a, b vulnerability) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.module, b.module))
	})
	return f, nil
}

// usable returns an error when "nothing found" would prove nothing.
func (f findings) usable(now time.Time, maxAge time.Duration) error {
	switch {
	case f.database == "":
		return errors.New("the scanner does not say which database it used")
	case f.modified.IsZero():
		return fmt.Errorf("the database %s has no date (db_last_modified)", f.database)
	case now.Sub(f.modified) > maxAge:
		return fmt.Errorf("the newest entry of the database %s is from %s, more than %s ago; fetch the database again", f.database, f.modified.UTC().Format(time.DateOnly), maxAge)
	case f.modules == 0:
		return errors.New("the scanner found no module in the program")
	}
	return nil
}

// judge describes a vulnerability, and says whether the images may be published with it. In
// a program with a symbol table the scanner sees which functions are linked: a module whose
// vulnerable functions are not is noted and does not count. The programs of images have no
// symbol table, and there the scanner counts all functions of a linked module as linked.
func (v vulnerability) judge(image string, known []exception, now time.Time) (note string, excepted bool) {
	fix := "no version fixes it yet"
	if v.fixed != "" {
		fix = "fixed in " + v.fixed
	}
	note = fmt.Sprintf("%s in %s@%s (%s): %s", v.id, v.module, v.version, fix, v.summary)
	if v.symbol == "" {
		return note + "; none of its functions is linked", true
	}
	note += "; vulnerable: " + v.symbol
	for _, e := range known {
		if e.ID != v.id || e.Image != image {
			continue
		}
		if e.ended(now) {
			return note + "; its exception ended on " + e.Until, false
		}
		return note + "; excepted until " + e.Until + ": " + e.Reason, true
	}
	return note, false
}

// strangers are the files of a bill that a scanner of Go programs cannot read.
func strangers(bill []byte) []string {
	var b cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(bill), cdx.BOMFileFormatJSON).Decode(&b); err != nil || b.Components == nil {
		return []string{"a bill of materials that cannot be read"}
	}
	var files []string
	for _, c := range *b.Components {
		if c.Type == cdx.ComponentTypeFile {
			files = append(files, c.Name)
		}
	}
	return files
}
