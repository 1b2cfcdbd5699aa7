package terraform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

var (
	// tfsec is what trivy was called, and it still reads these comments.
	suppression = regexp.MustCompile(`\b(?:tflint-ignore(-file)?|(?:trivy|tfsec):ignore)\s*:?\s*([^\s,:]*)`)
	comment     = regexp.MustCompile(`^\s*(?:#|//)(.*)$`)
)

// reason tells whether the comment above a line says anything. A second suppression may stand
// between.
func reason(lines []string, at int) bool {
	for i := at - 1; i >= 0; i-- {
		c := comment.FindStringSubmatch(lines[i])
		switch {
		case c == nil:
			return false
		case !suppression.MatchString(lines[i]):
			return len(strings.Fields(c[1])) >= 3
		}
	}
	return false
}

// unexplained finds what tflint or trivy is told not to report without being told why.
func unexplained(file, text string) error {
	var errs []error
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		s := suppression.FindStringSubmatch(line)
		switch {
		case s == nil:
		case s[1] != "":
			errs = append(errs, fmt.Errorf("%s:%d: the whole file is left out, with what is added to it later; name one rule above one line", file, i+1))
		case slices.Contains([]string{"", "*", "all"}, s[2]):
			errs = append(errs, fmt.Errorf("%s:%d: all rules are left out; name one", file, i+1))
		case !reason(lines, i):
			errs = append(errs, fmt.Errorf("%s:%d: %s is left out without a reason; say why in a comment on the line above", file, i+1, s[2]))
		}
	}
	if filepath.Base(file) != ".tflint.hcl" {
		return errors.Join(errs...)
	}
	parsed, diags := hclsyntax.ParseConfig([]byte(text), file, hcl.InitialPos)
	if diags.HasErrors() {
		return errors.Join(append(errs, diags)...)
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return errors.Join(append(errs, fmt.Errorf("%s is not in the native syntax of HCL", file))...)
	}
	for _, b := range body.Blocks {
		enabled, ok := b.Body.Attributes["enabled"]
		if !ok {
			continue
		}
		v, diags := enabled.Expr.Value(nil)
		if !diags.HasErrors() && v.True() {
			continue
		}
		if !reason(lines, b.TypeRange.Start.Line-1) {
			errs = append(errs, fmt.Errorf("%s:%d: %s is off without a reason; say why in a comment on the line above", file, b.TypeRange.Start.Line, label(b)))
		}
	}
	return errors.Join(errs...)
}

func TestEverySuppressionHasAReason(t *testing.T) {
	var files int
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".terraform":
			return fs.SkipDir
		case d.IsDir() || !slices.Contains([]string{".tf", ".hcl", ".tfvars"}, filepath.Ext(path)) || d.Name() == ".terraform.lock.hcl":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if err := unexplained(path, string(text)); err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 40 {
		t.Errorf("only %d files were read", files)
	}
}

func TestASuppressionWithoutAReasonIsRefused(t *testing.T) {
	for name, tt := range map[string]struct{ file, text, says string }{
		"no suppression":                       {"main.tf", "# Three words here.\na = 1\n", ""},
		"tflint with a reason":                 {"main.tf", "# This size is new.\n# tflint-ignore: azurerm_x\na = 1\n", ""},
		"trivy with a reason":                  {"main.tf", "# Azure encrypts it anyway.\n#trivy:ignore:AZU-0067\na = 1\n", ""},
		"both with one reason":                 {"main.tf", "# Azure encrypts it anyway.\n# tflint-ignore: azurerm_x\n#trivy:ignore:AZU-0067\na = 1\n", ""},
		"tflint without a reason":              {"main.tf", "b = 1\n# tflint-ignore: azurerm_x\na = 1\n", "main.tf:2: azurerm_x is left out without a reason"},
		"trivy without a reason":               {"main.tf", "#trivy:ignore:AZU-0067\na = 1\n", "main.tf:1: AZU-0067 is left out without a reason"},
		"trivy by its former name":             {"main.tf", "//tfsec:ignore:AZU-0067\na = 1\n", "AZU-0067 is left out without a reason"},
		"trivy behind an argument":             {"main.tf", "a = 1 # trivy:ignore:AZU-0067\n", "AZU-0067 is left out without a reason"},
		"a reason of one word":                 {"main.tf", "# Intended.\n#trivy:ignore:AZU-0067\na = 1\n", "without a reason"},
		"a reason for something else":          {"main.tf", "# This is about b.\nb = 1\n#trivy:ignore:AZU-0067\na = 1\n", "without a reason"},
		"suppressions that explain each other": {"main.tf", "# tflint-ignore: azurerm_x\n#trivy:ignore:AZU-0067\na = 1\n", "main.tf:2: AZU-0067"},
		"all rules of tflint":                  {"main.tf", "# This size is new.\n# tflint-ignore: all\na = 1\n", "all rules are left out"},
		"all checks of trivy":                  {"main.tf", "# This size is new.\n#trivy:ignore:*\na = 1\n", "all rules are left out"},
		"a whole file":                         {"main.tf", "# This size is new.\n# tflint-ignore-file: azurerm_x\na = 1\n", "the whole file is left out"},
		"a rule that is off with a reason":     {".tflint.hcl", "# We link these files.\nrule \"x\" {\n  enabled = false\n}\n", ""},
		"a rule that is off":                   {".tflint.hcl", "rule \"x\" {\n  enabled = false\n}\n", ".tflint.hcl:1: x is off without a reason"},
		"a rule set that is off":               {".tflint.hcl", "plugin \"x\" {\n  enabled = false\n}\n", "x is off without a reason"},
	} {
		t.Run(name, func(t *testing.T) {
			err := unexplained(tt.file, tt.text)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("want %q, got %v", tt.says, err)
			}
		})
	}
}
