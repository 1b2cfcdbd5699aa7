package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// linter skips a test on machines without tflint: `make terraform-lint` builds it.
func linter(t *testing.T) func(t *testing.T, dir string) (string, error) {
	t.Helper()
	tflint := os.Getenv("BALLAST_TFLINT")
	if tflint == "" {
		t.Skip("make terraform-lint builds tflint and runs this")
	}
	config, err := filepath.Abs(".tflint.hcl")
	if err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, dir string) (string, error) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), tflint, "--chdir="+dir, "--config="+config, "--format=compact", "--no-color")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

func TestTheLinterFindsNothing(t *testing.T) {
	lint := linter(t)
	for name := range sources(t, ".") {
		t.Run(name, func(t *testing.T) {
			if out, err := lint(t, name); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// Each mutant breaks one rule, so that a rule set that was not loaded is noticed.
func TestTheLinterFindsMistakes(t *testing.T) {
	lint := linter(t)
	for name, tt := range map[string]struct{ dir, file, old, new, says string }{
		"a size that Azure does not have":           {"environments/dev", "main.tf", `"Standard_D2ads_v5"`, `"Standard_D2adz_v5"`, "azurerm_kubernetes_cluster_default_node_pool_invalid_vm_size"},
		"a size of the pool of applications":        {"modules/cluster", "main.tf", "= var.user_pool.vm_size", `= "Standard_D2adz_v5"`, "azurerm_kubernetes_cluster_node_pool_invalid_vm_size"},
		"a vault that a plan may remove":            {"modules/keyvault", "main.tf", "  lifecycle {\n    prevent_destroy = true\n  }\n", "", "azurerm_resources_missing_prevent_destroy"},
		"a network without tags":                    {"modules/network", "main.tf", "  tags                = var.tags\n", "", "azurerm_resource_missing_tags"},
		"a network without one of the tags":         {"modules/network", "main.tf", "= var.tags", `= { application = "ballast", environment = "dev" }`, "azurerm_resource_missing_tags"},
		"an output without a description":           {"modules/network", "outputs.tf", "  description = \"The network.\"\n", "", "terraform_documented_outputs"},
		"a variable without a type":                 {"modules/network", "variables.tf", "  type        = string\n", "", "terraform_typed_variables"},
		"a local value that nothing reads":          {"modules/network", "main.tf", "resource", "locals {\n  unread = 1\n}\n\nresource", "terraform_unused_declarations"},
		"a provider of any version":                 {"modules/network", "terraform.tf", "      version = \"~> 5.2\"\n", "", "terraform_required_providers"},
		"a module from elsewhere without a version": {"modules/environment", "main.tf", `"../network"`, `"Azure/network/azurerm"`, "terraform_module_version"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(mutated(t, filepath.Join(tt.dir, tt.file), tt.old, tt.new), tt.dir)
			out, err := lint(t, dir)
			if err == nil || !strings.Contains(out, "("+tt.says+")") {
				t.Errorf("want %s: %v\n%s", tt.says, err, out)
			}
		})
	}
}
