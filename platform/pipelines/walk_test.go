package pipelines

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	makeCall = regexp.MustCompile(`\bmake((?: --silent)?(?: [^\n&|;)]*)?)`)
	macro    = regexp.MustCompile(`\$\(([A-Za-z_][A-Za-z0-9_.]*)\)`)
	target   = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
	assigned = regexp.MustCompile(`(?:^|\s)([A-Z_]+)=`)
	loggedIn = regexp.MustCompile(`\bPROMETHEUS_HTTP=(\S+)`)
	toPlace  = regexp.MustCompile(`--(?:to|from)=([a-z-]+)|\bENV="?([a-z-]+)`)
)

// predefined are the variables that the service gives to every run.
func predefined(name string) bool {
	return regexp.MustCompile(`^(Agent|Build|Pipeline|System)\.[A-Za-z]+$`).MatchString(name)
}

// place holds the names that a pipeline may use.
type place struct {
	root         string
	makefile     string
	environments []string // of Azure DevOps, as the module devops makes them
	connections  []string // service connections, likewise
	variables    []string // of the variable group, likewise
}

// walk collects the mistakes in the steps of an expanded pipeline.
type walk struct {
	place
	errs   []error
	known  map[string]bool // variables
	kept   map[string]bool // artifacts that some step keeps
	taken  []string
	stages map[string]bool
}

func (w *walk) wrong(format string, args ...any) {
	w.errs = append(w.errs, fmt.Errorf(format, args...))
}

// check returns every mistake in an expanded pipeline that the schema does not find.
func check(p place, pipeline map[string]any) error {
	w := walk{place: p, known: map[string]bool{}, kept: map[string]bool{}, stages: map[string]bool{}}
	for _, name := range p.variables {
		w.known[name] = true
	}
	list, _ := pipeline["variables"].([]any)
	for _, item := range list {
		if name, ok := mapping(item)["name"].(string); ok {
			w.known[name] = true
		}
	}
	stages, _ := pipeline["stages"].([]any)
	if len(stages) == 0 {
		w.wrong("there is no stage")
	}
	for _, item := range stages {
		w.stages[fmt.Sprint(mapping(item)["stage"])] = true
	}
	for _, item := range stages {
		w.stage(mapping(item))
	}
	for _, name := range w.taken {
		if !w.kept[name] {
			w.wrong("the artifact %s is downloaded, and no step publishes it", name)
		}
	}
	w.triggers(pipeline["trigger"])
	w.schedules(pipeline)
	w.macros(pipeline)
	return errors.Join(w.errs...)
}

// macros looks for variables that are set nowhere.
func (w *walk) macros(node any) {
	switch node := node.(type) {
	case string:
		for _, m := range macro.FindAllStringSubmatch(node, -1) {
			if !w.known[m[1]] && !predefined(m[1]) {
				w.wrong("the variable %s is set nowhere", m[1])
			}
		}
	case []any:
		for _, v := range node {
			w.macros(v)
		}
	case map[string]any:
		for _, v := range node {
			w.macros(v)
		}
	}
}

func (w *walk) triggers(trigger any) {
	m, _ := trigger.(map[string]any)
	paths, _ := m["paths"].(map[string]any)
	for _, list := range paths {
		for _, item := range sequence(list) {
			if found, err := filepath.Glob(filepath.Join(w.root, fmt.Sprint(item))); err != nil || len(found) == 0 {
				w.wrong("the trigger names %v, which matches no file", item)
			}
		}
	}
}

func (w *walk) stage(stage map[string]any) {
	switch on := stage["dependsOn"].(type) {
	case string:
		w.depends(stage["stage"], on)
	case []any:
		for _, name := range on {
			w.depends(stage["stage"], name)
		}
	}
	if condition, ok := stage["condition"].(string); ok {
		for _, m := range regexp.MustCompile(`dependencies\.(\w+)\.`).FindAllStringSubmatch(condition, -1) {
			w.depends(stage["stage"], m[1])
		}
	}
	jobs, _ := stage["jobs"].([]any)
	for _, item := range jobs {
		job := mapping(item)
		if job["timeoutInMinutes"] == nil {
			w.wrong("a job of the stage %v has no timeout", stage["stage"])
		}
		steps, _ := job["steps"].([]any)
		if job["deployment"] != nil {
			if name := fmt.Sprint(job["environment"]); !slices.Contains(w.environments, name) {
				w.wrong("the environment %s is not created by the module devops, which creates %v", name, w.environments)
			}
			once, _ := mapping(job["strategy"])["runOnce"].(map[string]any)
			deploy, _ := once["deploy"].(map[string]any)
			steps, _ = deploy["steps"].([]any)
		}
		if len(steps) == 0 {
			w.wrong("a job of the stage %v has no step", stage["stage"])
		}
		var done []string
		for _, step := range steps {
			done = w.step(mapping(step), done)
		}
	}
}

func (w *walk) depends(stage, on any) {
	if !w.stages[fmt.Sprint(on)] {
		w.wrong("the stage %v waits for %v, which does not exist", stage, on)
	}
}

// step checks one step, and adds to the commands that were run before it in its job.
func (w *walk) step(step map[string]any, done []string) []string {
	inputs, _ := step["inputs"].(map[string]any)
	script, _ := step["script"].(string)
	switch name, _, _ := strings.Cut(fmt.Sprint(step["task"]), "@"); name {
	case "AzureCLI":
		script, _ = inputs["inlineScript"].(string)
		if at := fmt.Sprint(inputs["azureSubscription"]); !slices.Contains(w.connections, at) {
			w.wrong("the service connection %s is not created by the module devops, which creates %v", at, w.connections)
		}
		if inputs["addSpnToEnvironment"] != nil {
			w.wrong("%v gets the identity's token, which it does not need", step["displayName"])
		}
	case "PublishPipelineArtifact":
		w.kept[fmt.Sprint(inputs["artifact"])] = true
		w.path(fmt.Sprint(inputs["targetPath"]), done)
	case "DownloadPipelineArtifact":
		w.taken = append(w.taken, fmt.Sprint(inputs["artifactName"]))
		done = append(done, fmt.Sprint(inputs["targetPath"]))
	case "PublishTestResults":
		w.path(fmt.Sprint(inputs["testResultsFiles"]), done)
	case "PublishCodeCoverageResults":
		w.path(fmt.Sprint(inputs["summaryFileLocation"]), done)
	case "GoTool", "Cache":
		return done
	}
	if step["script"] == nil && script == "" {
		return done
	}
	calls := makeCall.FindAllStringSubmatch(script, -1)
	if !strings.HasPrefix(strings.TrimSpace(script), "make ") {
		w.wrong("a step calls no make target: %s", script)
	}
	for _, call := range calls {
		if m := loggedIn.FindStringSubmatch(call[1]); m != nil {
			w.path(m[1], done)
		}
		if strings.Contains(call[1], " CONTEXT=") && !strings.Contains(call[1], "aks-login ") {
			w.wrong("%s uses a cluster and does not call aks-login itself; the task of another step has logged out", call[1])
		}
		w.make(call[1])
		done = append(done, call[1])
	}
	return done
}

// make checks the targets and variables of one call.
func (w *walk) make(args string) {
	var targets []string
	for _, word := range strings.Fields(args) {
		if strings.ContainsAny(word, "=\"$") {
			break
		}
		if !strings.HasPrefix(word, "--") {
			targets = append(targets, word)
		}
	}
	if len(targets) == 0 {
		w.wrong("make is called without a target: %s", args)
	}
	var known []string
	for _, m := range target.FindAllStringSubmatch(w.makefile, -1) {
		known = append(known, m[1])
	}
	for _, name := range targets {
		if !slices.Contains(known, name) {
			w.wrong("the Makefile has no target %s", name)
		}
	}
	for _, m := range assigned.FindAllStringSubmatch(args, -1) {
		if !strings.Contains(w.makefile, "$("+m[1]+")") {
			w.wrong("the Makefile does not read %s", m[1])
		}
	}
	for _, m := range toPlace.FindAllStringSubmatch(args, -1) {
		name := m[1] + m[2]
		if _, err := os.Stat(filepath.Join(w.root, "platform/argocd/environments", name, "promotion.yaml")); errors.Is(err, fs.ErrNotExist) {
			w.wrong("there is no environment %s", name)
		}
	}
}

// path checks that an earlier command wrote what is published: the command names the path, or
// the recipe of its make target does.
func (w *walk) path(path string, done []string) {
	inside, ok := strings.CutPrefix(path, "out/")
	if !ok {
		w.wrong("%s is used, and is outside of out", path)
		return
	}
	for _, command := range done {
		if strings.Contains(command, path) {
			return
		}
		for _, name := range strings.Fields(command) {
			if recipe(w.makefile, name, "$(OUT)/"+inside) || recipe(w.makefile, name, "$(OUT)/"+filepath.Dir(inside)) || strings.HasPrefix(name, "release-") && inside == "release" {
				return
			}
		}
	}
	w.wrong("no step before writes %s", path)
}

// recipe is true when the lines of a target name a path.
func recipe(makefile, name, path string) bool {
	_, after, ok := strings.Cut(makefile, "\n"+name+":")
	if !ok {
		return false
	}
	lines, _, _ := strings.Cut(after, "\n\n")
	return strings.Contains(lines, path)
}

// mapping and sequence are a value as such, or nothing.
func mapping(v any) map[string]any { m, _ := v.(map[string]any); return m }

func sequence(v any) []any { s, _ := v.([]any); return s }
