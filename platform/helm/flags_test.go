package helm

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/platform/policy"
)

// flags returns the names of the flags that a Go file defines.
func flags(t *testing.T, file string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 3 {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !strings.HasSuffix(method.Sel.Name, "Var") {
			return true
		}
		if name, ok := call.Args[1].(*ast.BasicLit); ok {
			if unquoted, err := strconv.Unquote(name.Value); err == nil {
				names[unquoted] = true
			}
		}
		return true
	})
	if len(names) == 0 {
		t.Fatalf("%s defines no flags", file)
	}
	return names
}

// A program that is started with a flag that it does not have ends at once, and
// nothing before the cluster would notice.
func TestProgramsAreStartedWithFlagsThatTheyHave(t *testing.T) {
	monitor := flags(t, filepath.Join("..", "..", "src", "monitor", "internal", "app", "config.go"))
	load := flags(t, filepath.Join("..", "..", "chaos", "runner", "internal", "cli", "load.go"))
	run := map[string]bool{}
	for _, file := range []string{"run.go", "runattach.go", "registryflags.go", "flags.go", "clusterflags.go"} {
		maps.Copy(run, flags(t, filepath.Join("..", "..", "chaos", "runner", "internal", "cli", file)))
	}
	for _, v := range variants(t) {
		for _, p := range policy.Pods(objects(t, v)) {
			for _, c := range p.Containers() {
				known := monitor
				switch {
				case len(c.Args) > 0 && c.Args[0] == "load":
					known = load
				case len(c.Args) > 0 && c.Args[0] == "run":
					known = run
				case v.chart != "monitor":
					continue // somebody else's program
				}
				for _, arg := range c.Args {
					name, isFlag := strings.CutPrefix(arg, "--")
					name, _, _ = strings.Cut(name, "=")
					if isFlag && !known[name] {
						t.Errorf("%s: %s is started with --%s, which it does not have", v.values, p.ID, name)
					}
				}
				for _, env := range c.Env {
					if env.Name == "SSL_CERT_FILE" {
						continue // Go's own
					}
					name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(env.Name, "MONITOR_"), "_", "-"))
					if !known[name] {
						t.Errorf("%s: %s is started with %s, which it does not read", v.values, p.ID, env.Name)
					}
				}
			}
		}
	}
}
