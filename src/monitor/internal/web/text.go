package web

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// WriteText writes the tables of a snapshot as aligned text, for a terminal:
// those whose collectors have a reading. Rates are left out, as one snapshot
// does not have them. It fails for a snapshot that is no JSON, and where w does.
func WriteText(w io.Writer, p Page) error {
	var snapshot any
	if err := json.Unmarshal(p.Snapshot, &snapshot); err != nil {
		return fmt.Errorf("the snapshot: %w", err)
	}
	r := renderer{p, snapshot}
	first := true
	for _, t := range Tables() {
		if t.Collector != "" && at(snapshot, "readings."+t.Collector) == nil || t.ID == "cores" {
			continue
		}
		t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c Column) bool { return c.Series != "" || c.Path == "peer" })
		lines := textLines(t, r.table(t))
		if len(lines) < 2 {
			continue // nothing is unreadable, say
		}
		if !first {
			lines = append([]string{""}, lines...)
		}
		first = false
		aligned := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, line := range lines {
			if _, err := fmt.Fprintln(aligned, line); err != nil {
				return err
			}
		}
		if err := aligned.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// textLines returns a heading and the rows, cells separated by tabs. The
// heading stands where the first column's would.
func textLines(t Table, v tableView) []string {
	heading := []string{strings.ToUpper(t.Title)}
	columns := t.Columns
	if t.List != "" {
		columns = columns[1:]
	}
	for _, c := range columns {
		heading = append(heading, c.Title)
	}
	lines := []string{strings.Join(heading, "\t")}
	for _, row := range v.Lines {
		cells := []string{printable(row.Title)}
		for _, c := range row.Cells {
			cells = append(cells, printable(c.Text))
		}
		lines = append(lines, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	return lines
}

// printable escapes what a terminal would obey: names can hold anything.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
