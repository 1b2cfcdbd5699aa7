package capability

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed probe.sh
var script string

// maxDetail bounds a detail, in bytes: the first error of a program tells it all.
const maxDetail = 300

// Exec runs a command in the container of a chaos daemon and returns what it
// wrote to its standard output. A command that could not be run or that failed is
// an error, which holds what it wrote to its standard error.
type Exec func(ctx context.Context, command ...string) (stdout string, err error)

// Probe asks one chaos daemon what its node can do, with one command, a script of
// about 8 KB for sh. It takes seconds and blocks until the command ends; ctx
// bounds it if exec heeds ctx. The script leaves nothing behind and touches no
// interface of the node, but the kernel may load modules that it asks for.
//
// A daemon answers for its own node only. What it cannot see, such as credentials
// of a cloud, it does not report; see [Document.With].
func Probe(ctx context.Context, exec Exec) (Document, error) {
	stdout, err := exec(ctx, "sh", "-c", script)
	if err != nil {
		return Document{}, fmt.Errorf("probe the chaos daemon: %w", err)
	}
	d, err := Parse(stdout)
	if err != nil {
		return Document{}, fmt.Errorf("probe the chaos daemon: %w", err)
	}
	if len(d.Facts) == 0 {
		return Document{}, errors.New("probe the chaos daemon: it reported no fact; is there an sh in its image?")
	}
	return d, nil
}

// Parse reads what the probe's script writes: lines of a name, yes or no, and a
// detail, divided by tabs. Beside the facts of a node there are kernel and cgroup,
// whose detail is the value. What has no line was not probed. A line of another
// form, an unknown name, a name twice and a no without a detail are errors, all
// reported at once.
func Parse(stdout string) (Document, error) {
	var d Document
	var p problems
	seen := map[string]bool{}
	number := 0
	for line := range strings.Lines(stdout) {
		number++
		line = strings.TrimRight(line, "\r\n")
		at := fmt.Sprintf("line %d", number)
		parts := strings.SplitN(line, "\t", 3)
		if len(parts) != 3 || parts[1] != "yes" && parts[1] != "no" {
			p.add(at, "%q is not NAME<TAB>yes|no<TAB>DETAIL", line)
			continue
		}
		name, present, detail := parts[0], parts[1] == "yes", parts[2]
		detail = strings.TrimSpace(strings.ToValidUTF8(detail[:min(len(detail), maxDetail)], "\uFFFD"))
		if seen[name] {
			p.add(at, "%q is reported twice", name)
			continue
		}
		seen[name] = true
		i := slices.IndexFunc(catalogue(), func(e entry) bool { return string(e.name) == name && !e.elsewhere })
		switch {
		case name == "kernel" && present:
			d.Kernel = detail
		case name == "cgroup" && present:
			d.Cgroup = Cgroup(detail)
		case name == "kernel" || name == "cgroup":
		case i < 0:
			p.add(at, "a node has no fact %q", name)
		case !present && detail == "":
			p.add(at, "%q is not there, and nothing says why", name)
		default:
			d.Facts = append(d.Facts, Fact{Name: Name(name), Present: present, Detail: detail})
		}
	}
	if len(p) > 0 {
		return Document{}, fmt.Errorf("the probe's output: %s", strings.Join(p, "; "))
	}
	if err := d.check(); err != nil {
		return Document{}, fmt.Errorf("the probe's output: %w", err)
	}
	return d.sorted(), nil
}
