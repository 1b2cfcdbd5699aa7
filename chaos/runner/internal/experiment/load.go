package experiment

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

// SLOs is a set of service level objectives.
type SLOs interface {
	Get(name string) (slo.SLO, bool)
	Names() []string // for the message about one that is not known
}

// Options says what the documents may refer to and which of them are wanted.
type Options struct {
	// SLOs that a ref may name. Nil is an empty set.
	SLOs SLOs
	// NoSLOs says why there are no SLOs to refer to, and the fix. Empty: there are.
	NoSLOs string
	// Alerts are all alert rules. An alert that matches none of them is refused.
	// Nil: alerts are not checked.
	Alerts []slo.AlertModel
	// NoAlerts says why there are no rules to match, and the fix. Empty: there are.
	NoAlerts string
	// Select keeps the experiments that carry all of these labels. Empty keeps all.
	Select map[string]string
	// Stdin is read, to its end, for the path "-". Nil: that path is refused.
	Stdin io.Reader
	// Skipped hears of everything in a directory that is not read although it
	// looks like a document. Nil: nobody wants to know.
	Skipped func(document.Skipped)
}

// Load reads experiments from files and directories, the latter with all their
// folders, in the order of the paths and by name within a directory. Every file
// holds one experiment, its first document, and the faults after it.
//
// Documents are validated before they are selected, so that one bad document
// among many stops them all. Errors: Problems (errors.As) names every problem
// of every file; ErrNoExperiment (errors.Is) means that a path does not exist, a
// directory holds no YAML, or no experiment carries the labels; context.Canceled when the
// reading of the standard input was.
func Load(paths []string, opts Options) ([]Experiment, error) {
	files, err := find(paths, opts.Skipped)
	var unreadable Problems
	if err != nil && !errors.As(err, &unreadable) {
		return nil, err
	}
	var all []Experiment
	problems := slices.Clone(unreadable)
	for _, name := range files {
		data, problem, err := read(name, opts.Stdin)
		if err != nil {
			return nil, err
		}
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		shown := name
		if name == Stdin {
			shown = stdinName
		}
		e, found := Parse(shown, data, opts)
		e.File = name
		problems = append(problems, found...)
		if e.Name != "" {
			all = append(all, e)
		}
	}
	problems = append(problems, sameName(all)...)
	if err := document.Err(problems); err != nil {
		return nil, err
	}
	selected := slices.DeleteFunc(all, func(e Experiment) bool { return !carries(e.Labels, opts.Select) })
	if len(selected) == 0 {
		if len(opts.Select) == 0 {
			return nil, fmt.Errorf("%w: %s hold no .yaml or .yml file; name a file or another directory", ErrNoExperiment, strings.Join(paths, ", "))
		}
		return nil, fmt.Errorf("%w: none of %d experiments carries %s; look at metadata.labels", ErrNoExperiment, len(files), pairs(opts.Select))
	}
	return selected, nil
}

// Parse reads one experiment with its faults from the content of a file, whose
// name is for messages. Select is not applied. The experiment is usable only
// when there are no problems.
func Parse(file string, data []byte, opts Options) (Experiment, []Problem) {
	docs, problems := document.Split(file, data)
	if len(docs) == 0 {
		if len(problems) == 0 {
			problems = []Problem{{File: file, Message: "the file is empty; write an " + Kind + " document and its faults"}}
		}
		return Experiment{File: file}, problems
	}
	e := Experiment{File: file}
	faults := docs
	if len(problems) == 0 || docs[0].Value("kind") == Kind {
		// Else the experiment is the document that could not even be parsed.
		d := decoder{Checker: document.Checker{Doc: docs[0]}, opts: opts}
		e = d.experiment()
		problems = append(problems, d.Problems...)
		faults = docs[1:]
	}
	for _, doc := range faults {
		problems = append(problems, addFault(&e, doc)...)
	}
	if len(docs) == 1 && len(problems) == 0 {
		problems = append(problems, docs[0].Problem("", "the experiment has no fault; write a Chaos Mesh object after it, separated by ---"))
	}
	return e, problems
}

func sameName(all []Experiment) []Problem {
	var problems []Problem
	first := map[string]Experiment{}
	for _, e := range all {
		if f, ok := first[e.Name]; ok {
			problems = append(problems, Problem{File: e.File, Line: e.Line, Field: "metadata.name", Message: fmt.Sprintf(
				"%q is also the name of the experiment in %s:%d; rename one", e.Name, f.File, f.Line)})
			continue
		}
		first[e.Name] = e
	}
	return problems
}

func carries(labels, wanted map[string]string) bool {
	for k, v := range wanted {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

func pairs(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, ",")
}
