package bootstrap

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Await blocks until every application of the environment is synced and healthy. It
// reports each application that becomes so, and what it waits for meanwhile.
func (p Platform) Await(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	told := map[string]bool{}
	const every = 10 * time.Second
	last, said, next := "no application yet", "", time.Now().Add(every)
	for {
		apps, err := p.applications(ctx)
		waiting := len(apps) == 0
		for _, a := range apps {
			switch {
			case !a.settled():
				waiting, last = true, a.String()
			case !told[a.name]:
				told[a.name] = true
				p.Report("%s is healthy", a.name)
			}
		}
		if err != nil {
			waiting = true
			if ctx.Err() == nil { // that kubectl was ended here would hide what it saw before
				last = err.Error()
			}
		}
		if !waiting {
			return nil
		}
		if last != said && time.Now().After(next) {
			p.Report("waiting: %s", last)
			said, next = last, time.Now().Add(every)
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the platform is not healthy: %w; last seen: %s", ctx.Err(), last)
		}
	}
}

// application is the state of an application as Argo CD reports it.
type application struct{ name, sync, health, phase, message string }

func (a application) settled() bool { return a.sync == "Synced" && a.health == "Healthy" }

func (a application) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s is %s and %s (%s) %s", a.name, a.sync, a.health, a.phase, a.message))
}

func (p Platform) applications(ctx context.Context) ([]application, error) {
	out, err := p.output(ctx, nil, "get", "applications.argoproj.io", "--namespace="+Namespace, "--output",
		`jsonpath={range .items[*]}{.metadata.name}{"\t"}{.status.sync.status}{"\t"}{.status.health.status}{"\t"}{.status.operationState.phase}{"\t"}{.status.conditions[0].message}{.status.operationState.message}{"\u0000"}{end}`)
	if err != nil {
		return nil, err
	}
	return parseApplications(out), nil
}

// parseApplications reads rows that end with a zero byte, of fields with a tab
// between them. It leaves out a row that breaks off.
func parseApplications(rows string) []application {
	var apps []application
	for row := range strings.SplitSeq(rows, "\x00") {
		fields := strings.SplitN(row, "\t", 5)
		if len(fields) < 5 {
			continue
		}
		apps = append(apps, application{fields[0], fields[1], fields[2], fields[3], firstLine(fields[4])})
	}
	return apps
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	const most = 300
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…" // it may be cut within a letter
	}
	return line
}
