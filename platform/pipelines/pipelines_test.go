package pipelines

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/tests/mutant"
)

// roots are the pipelines that Azure DevOps knows, with what is known before a run.
var roots = map[string][]map[string]string{
	"azure-pipelines.yml": {
		{"Build.Reason": "IndividualCI", "Build.SourceBranch": "refs/heads/main"},
		{"Build.Reason": "PullRequest", "Build.SourceBranch": "refs/pull/7/merge"},
		{"Build.Reason": "Manual", "Build.SourceBranch": "refs/heads/try"},
	},
	"platform/pipelines/promotion.yml": {{}},
	"platform/pipelines/load-test.yml": {{}},
	// A schedule is a reason of its own, and no template asks for it.
	"platform/pipelines/rollback-on-page.yml": {{}},
}

// examine returns every mistake in the pipelines below a root.
func examine(schema *jsonschema.Schema, p place) error {
	var errs []error
	seen := map[string]bool{}
	for file, runs := range roots {
		for _, variables := range runs {
			e := expander{root: p.root, variables: variables}
			out, err := e.pipeline(file)
			for name := range e.seen {
				seen[name] = true
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", file, err))
				continue
			}
			plain, err := plainOf(out)
			if err == nil {
				err = schema.Validate(plain)
			}
			errs = append(errs, err)
			if err := check(p, out); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", file, err))
			}
		}
	}
	all, err := templates(p.root)
	errs = append(errs, err)
	for _, name := range all {
		if !seen[name] {
			errs = append(errs, fmt.Errorf("%s is used by no pipeline", name))
		}
	}
	return errors.Join(errs...)
}

func templates(root string) ([]string, error) {
	var all []string
	err := filepath.WalkDir(filepath.Join(root, "platform/pipelines"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".yml") {
			name, _ := filepath.Rel(root, path)
			all = append(all, filepath.ToSlash(name))
		}
		return err
	})
	return all, err
}

// plainOf is a value as JSON has it.
func plainOf(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
}

// here is this repository.
func here(t *testing.T) place {
	t.Helper()
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	return place{
		root: "../..", makefile: string(makefile),
		environments: []string{"release", "dev", "dev-chaos", "staging", "staging-chaos", "prod"},
		connections:  []string{"ballast-release", "ballast-dev", "ballast-staging", "ballast-prod"},
		variables:    []string{"REGISTRY", "SIGNING_KEY", "PROMETHEUS_STAGING", "PROMETHEUS_PROD"},
	}
}

func TestThePipelinesAreWhole(t *testing.T) {
	if err := examine(compiled(t), here(t)); err != nil {
		t.Error(err)
	}
}

// Each of these breaks one thing, and the check has to name it.
func TestWhatIsBrokenIsFound(t *testing.T) {
	schema := compiled(t)
	for name, tt := range map[string]struct{ file, old, new, says string }{
		"a template that is not there":           {"platform/pipelines/release.yml", "stages/scan.yml", "stages/scans.yml", "scans.yml"},
		"a parameter that is not declared":       {"platform/pipelines/stages/scan.yml", "target: release-scan, title: Scan", "target: release-scan, title: Scan, more: x", "has no parameter more"},
		"a parameter that is not given":          {"platform/pipelines/stages/scan.yml", "{path: out/release, artifact: scanned}", "{path: out/release}", "the parameter artifact is not given"},
		"a parameter of another type":            {"azure-pipelines.yml", "publish: ${{", "publish: often ${{", "want true or false"},
		"a value that is not allowed":            {"platform/pipelines/promotion.yml", "default: dev", "default: prod", "want one of"},
		"a parameter that is misspelt":           {"platform/pipelines/steps/make.yml", "${{ parameters.title }}", "${{ parameters.titel }}", "there is no parameter titel"},
		"a target that there is not":             {"platform/pipelines/stages/build.yml", "target: release-build", "target: release-make", "no target release-make"},
		"a variable that make does not read":     {"platform/pipelines/stages/validate.yml", "arguments: CLUSTER=kind", "arguments: CLUSTERS=kind", "does not read CLUSTERS"},
		"an environment that there is not":       {"platform/pipelines/stages/publish.yml", "environment: release", "environment: releases", "the environment releases is not created"},
		"an environment without files":           {"platform/pipelines/release.yml", "to: dev", "to: devel", "there is no environment devel"},
		"a service connection that there is not": {"platform/pipelines/stages/publish.yml", "connection: ballast-release", "connection: ballast", "the service connection ballast is not created"},
		"a variable that nobody sets":            {"platform/pipelines/stages/publish.yml", "$(SIGNING_KEY)", "$(SIGNING_KEYS)", "the variable SIGNING_KEYS is set nowhere"},
		"a path that nothing writes":             {"platform/pipelines/stages/validate.yml", "{path: out/chaos, artifact", "{path: out/chaoz, artifact", "no step before writes out/chaoz"},
		"an artifact that nothing keeps":         {"platform/pipelines/stages/scan.yml", "artifact: built", "artifact: build", "the artifact build is downloaded"},
		"a stage that waits for nobody":          {"platform/pipelines/stages/scan.yml", "dependsOn: build", "dependsOn: builds", "waits for builds"},
		"a task's input that there is not":       {"platform/pipelines/steps/junit.yml", "testRunTitle:", "testTitle:", "testTitle"},
		"a key that no stage has":                {"platform/pipelines/stages/scan.yml", "displayName: Scan\n", "title: Scan\n", "title"},
		"a step that is no make target":          {"platform/pipelines/steps/make.yml", "script: make ", "script: go test ", "calls no make target"},
		"a trigger on no file":                   {"azure-pipelines.yml", "*/pair.yaml", "*/pairs.yaml", "which matches no file"},
		"a template that nobody uses":            {"platform/pipelines/stages/validate.yml", "../steps/evidence.yml", "../steps/junit.yml", "evidence.yml is used by"},
		"a login of a task that has ended":       {"platform/pipelines/stages/judge.yml", "target: aks-login chaos", "target: chaos", "has logged out"},
		"a load test of another name":            {"platform/pipelines/stages/load-test.yml", "target: aks-login load-test", "target: loadtest", "no target loadtest"},
		"a report that is not written":           {"platform/pipelines/stages/load-test.yml", "{path: out/load-test,", "{path: out/load-tests,", "no step before writes out/load-tests"},
		"a schedule that waits for a commit":     {"platform/pipelines/rollback-on-page.yml", "    always: \"true\"", "    always: \"false\"", "does not run without a new commit"},
		"a schedule that runs too often":         {"platform/pipelines/rollback-on-page.yml", "*/12 * * * *", "*/5 * * * *", "2016 times a week"},
		"a schedule that is seldom":              {"platform/pipelines/rollback-on-page.yml", "*/12 * * * *", "0 */2 * * *", "want minutes"},
		"a schedule of another branch":           {"platform/pipelines/rollback-on-page.yml", "include: [main]", "include: [try]", "runs [try], want [main]"},
		"a schedule beside a trigger":            {"platform/pipelines/rollback-on-page.yml", "trigger: none", "trigger: [main]", "is started by commits, too"},
		"a rollback that waits for an approval":  {"platform/pipelines/stages/rollback.yml", "- job: rollback", "- deployment: rollback\n        environment: prod", "a schedule waits for the approval of prod"},
		"a rollback of an unknown environment":   {"platform/pipelines/watched.yml", "environment: prod", "environment: production", "there is no environment production"},
		"a Prometheus without a login":           {"platform/pipelines/stages/rollback.yml", "target: prometheus-login", "target: registry-login", "no step before writes out/prometheus/http.yaml"},
		"a Prometheus that nobody names":         {"platform/pipelines/watched.yml", "$(PROMETHEUS_PROD)", "$(PROMETHEUS)", "the variable PROMETHEUS is set nowhere"},
		"a job that may run for ever":            {"platform/pipelines/stages/scan.yml", `timeoutInMinutes: "20"`, `continueOnError: false`, "has no timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			p := here(t)
			p.root = copied(t)
			if tt.file == "platform/pipelines/stages/validate.yml" && strings.Contains(tt.new, "junit") {
				// The promotion uses it, too.
				mutant.Edit(t, filepath.Join(p.root, "platform/pipelines/stages/judge.yml"), "../steps/evidence.yml", "../steps/junit.yml")
			}
			mutant.Edit(t, filepath.Join(p.root, tt.file), tt.old, tt.new)
			if err := examine(schema, p); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("want %q: %v", tt.says, err)
			}
		})
	}
}

// copied is a copy of all files that the pipelines name.
func copied(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"platform/pipelines", "platform/argocd/environments"} {
		if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join("../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile("../../azure-pipelines.yml")
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "azure-pipelines.yml"), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// A failure and a result that could not be judged end differently, and neither succeeds.
func TestExitCodesEndDifferently(t *testing.T) {
	e := expander{root: "../..", seen: map[string]bool{}}
	body, err := e.include(map[string]any{"template": "judged.yml", "parameters": map[string]any{"target": "chaos", "title": "Experiments"}}, nil, "platform/pipelines/steps/x.yml")
	if err != nil {
		t.Fatal(err)
	}
	script, _ := mapping(sequence(body["steps"])[0])["script"].(string)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[int]struct {
		exit int
		says string
	}{
		0:  {0, ""},
		1:  {1, "##vso[build.addbuildtag]failed"},
		3:  {0, "##vso[task.complete result=SucceededWithIssues;]"},
		4:  {1, "##vso[build.addbuildtag]failed"},
		5:  {1, "##vso[build.addbuildtag]failed"},
		65: {1, "an error of the pipeline or its input, exit code 65"},
		70: {1, "an error of the pipeline or its input, exit code 70"},
	} {
		t.Run(fmt.Sprint("exit code ", code), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Symlink(root, filepath.Join(dir, "platform")); err != nil {
				t.Fatal(err)
			}
			stub := fmt.Sprintf("#!/bin/sh\nmkdir -p out; echo %d >out/exit\n[ %d = 0 ] || exit 2\n", code, code)
			if err := os.WriteFile(filepath.Join(dir, "make"), []byte(stub), 0o700); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			got := 0
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				got = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if got != want.exit || !strings.Contains(string(out), want.says) {
				t.Errorf("exit %d, want %d and %q:\n%s", got, want.exit, want.says, out)
			}
			if said := strings.Contains(string(out), "isOutput=true]not judged"); said != (code == 3) {
				t.Errorf("the next stages are told %v:\n%s", said, out)
			}
		})
	}
}

// A pull request is never signed, published or promoted.
func TestWhatAPullRequestMayDo(t *testing.T) {
	for _, run := range roots["azure-pipelines.yml"] {
		e := expander{root: "../..", variables: run}
		out, err := e.pipeline("azure-pipelines.yml")
		if err != nil {
			t.Fatal(err)
		}
		var stages []string
		for _, item := range sequence(out["stages"]) {
			stages = append(stages, fmt.Sprint(mapping(item)["stage"]))
		}
		want := []string{"validate", "build", "scan"}
		if run["Build.Reason"] == "IndividualCI" {
			want = append(want, "publish", "promote")
		}
		if !slices.Equal(stages, want) {
			t.Errorf("%v: %v, want %v", run, stages, want)
		}
	}
}

// The pipeline runs exactly the experiments that the next environment asks for.
func TestExperimentsOfAPromotionAreThoseOfItsPolicy(t *testing.T) {
	list := func(environment string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "make", "--silent", "promotion-experiments", "ENV="+environment)
		cmd.Dir = "../.."
		out, err := cmd.Output()
		return string(out), err
	}
	for from, to := range map[string]string{"dev": "staging", "staging": "prod"} {
		data, err := os.ReadFile("../argocd/environments/" + to + "/promotion.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var policy map[string]any
		if err := yaml.Unmarshal(data, &policy); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, file := range sequence(mapping(mapping(policy["spec"])["verdicts"])["experiments"]) {
			want = append(want, fmt.Sprint(file))
		}
		slices.Sort(want)
		if out, err := list(from); err != nil || len(want) == 0 || !slices.Equal(strings.Fields(out), want) {
			t.Errorf("%s: %q, %v, want %q", from, out, err, want)
		}
	}
	if out, err := list("prod"); err == nil || out != "" {
		t.Errorf("nothing is promoted from prod, and %q is listed for it", out)
	}
}
