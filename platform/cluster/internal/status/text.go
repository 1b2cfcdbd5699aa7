package status

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Text writes a table for people, and below it what needs attention. Ages are counted to
// now.
func (o Overview) Text(out io.Writer, now time.Time) error {
	if !o.Running {
		_, err := fmt.Fprintf(out, "cluster %s does not run; `make up` starts it\n", o.Cluster)
		return err
	}
	if len(o.Applications) == 0 {
		_, err := fmt.Fprintf(out, "cluster %s runs, and Argo CD has no application on it; `make up` deploys the platform\n", o.Cluster)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ENVIRONMENT\tAPPLICATION\tREVISION\tIMAGES\tSYNC\tHEALTH\tLAST OPERATION\tVERDICT")
	for _, a := range o.Applications {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", orDash(a.Environment), a.Name, orDash(a.revisions()), orDash(a.images()), a.Sync, a.Health, a.Operation.text(now), a.verdict(now))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var below []string
	for _, a := range o.Applications {
		below = append(below, a.troubles()...)
	}
	for _, p := range o.Problems {
		below = append(below, "could not be read: "+Line(p))
	}
	if len(below) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\n%s\n", strings.Join(below, "\n"))
	return err
}

func orDash(s string) string { return cmp.Or(s, "-") }

// revisions are those of all sources, as short as people compare them.
func (a Application) revisions() string {
	var all []string
	for _, s := range a.Sources {
		if s.Revision != "" {
			all = append(all, short(s.Revision))
		}
	}
	return strings.Join(slices.Compact(all), " ")
}

func (a Application) images() string {
	var all []string
	for _, i := range a.Images {
		repository, _, _ := strings.Cut(i.Reference, "@")
		called, _, _ := strings.Cut(path.Base(repository), ":")
		all = append(all, called+"@"+short(strings.TrimPrefix(i.Digest, "sha256:")))
	}
	return strings.Join(all, " ")
}

func short(s string) string {
	const enough = 8
	return s[:min(enough, len(s))]
}

func (o *Operation) text(now time.Time) string {
	if o == nil {
		return "-"
	}
	at := o.Started
	if o.Finished != nil {
		at = *o.Finished
	}
	text := o.Phase + " " + age(now.Sub(at))
	if o.Retries > 0 {
		text += fmt.Sprintf(", try %d", o.Retries+1)
	}
	return text
}

// verdict sums up the attached verdicts: those about the revision that runs, if any; else the
// newest, with its revision.
func (a Application) verdict(now time.Time) string {
	if len(a.Images) == 0 {
		return "-"
	}
	if len(a.Verdicts) == 0 {
		return "none"
	}
	var of []Verdict
	for _, v := range a.Verdicts {
		if slices.ContainsFunc(a.Sources, func(s Source) bool { return s.Revision == v.Revision }) {
			of = append(of, v)
		}
	}
	if len(of) == 0 {
		v := a.Verdicts[0]
		return fmt.Sprintf("none for this revision; %s for %s %s", v.Verdict, short(v.Revision), v.age(now))
	}
	counts := map[string]int{}
	var kinds []string
	for _, v := range of {
		if counts[v.Verdict]++; counts[v.Verdict] == 1 {
			kinds = append(kinds, v.Verdict)
		}
	}
	slices.SortStableFunc(kinds, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	for i, k := range kinds {
		if counts[k] > 1 {
			kinds[i] = fmt.Sprintf("%d %s", counts[k], k)
		}
	}
	return strings.Join(kinds, ", ") + " " + of[0].age(now)
}

// rank puts a pass last: any other verdict stops a promotion.
func rank(verdict string) int {
	if verdict == "pass" {
		return 1
	}
	return 0
}

func (v Verdict) age(now time.Time) string {
	if v.Ended == nil {
		return "at an unknown time"
	}
	return age(now.Sub(*v.Ended))
}

// age writes a duration in the largest unit that fits twice, so that 90 minutes do not become
// an hour.
func age(d time.Duration) string {
	d = max(d, 0) // clocks differ
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// troubles are what needs attention, a line each.
func (a Application) troubles() []string {
	var all []string
	for _, d := range a.Differences {
		where := d.Name
		if d.Namespace != "" {
			where = d.Namespace + "/" + d.Name
		}
		text := fmt.Sprintf("%s: %s %s: %s", a.Name, d.Kind, where, d.What)
		if d.Message != "" {
			text += ": " + Line(d.Message)
		}
		all = append(all, text)
		for _, f := range d.Fields[:min(mostFields, len(d.Fields))] {
			all = append(all, fmt.Sprintf("    %s: %s in the cluster, %s in git", f.Path, orMissing(f.Cluster), orMissing(f.Git)))
		}
		if more := len(d.Fields) - mostFields; more > 0 {
			all = append(all, fmt.Sprintf("    and %d more", more))
		}
	}
	for _, c := range a.Conditions {
		all = append(all, a.Name+": "+Line(c))
	}
	if o := a.Operation; o != nil && o.Phase != "Succeeded" && o.Message != "" {
		all = append(all, fmt.Sprintf("%s: %s: %s", a.Name, o.Phase, Line(o.Message)))
	}
	return all
}

func orMissing(value string) string { return cmp.Or(brief(value), "missing") }

// brief cuts a field's value so that two fit on a line.
func brief(value string) string {
	const most = 70
	if len(value) > most {
		return strings.ToValidUTF8(value[:most], "") + "…"
	}
	return value
}

// Line cuts a message to one line: Argo CD repeats whole manifests in some.
func Line(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
