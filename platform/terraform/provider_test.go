package terraform

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// with is Terraform with the real provider, which a directory has instead of a registry.
type with struct {
	terraform string
	env       []string
}

// provider skips a test on machines without the provider: building it takes a quarter of an
// hour, so `make terraform-check` does it on demand.
func provider(t *testing.T) with {
	t.Helper()
	binary, terraform := os.Getenv("BALLAST_AZURERM"), os.Getenv("BALLAST_TERRAFORM")
	if binary == "" || terraform == "" {
		t.Skip("make terraform-check builds the provider and runs this")
	}
	mirror, config := t.TempDir(), filepath.Join(t.TempDir(), "terraform.rc")
	dir := filepath.Join(mirror, "registry.terraform.io/hashicorp/azurerm", os.Getenv("BALLAST_PROVIDER_VERSION"), "linux_amd64")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(dir, "terraform-provider-azurerm_v"+os.Getenv("BALLAST_PROVIDER_VERSION"))); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return with{terraform: terraform, env: append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")}
}

func (w with) run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, w.terraform, args...)
	cmd.Dir, cmd.Env = dir, w.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// ready is a copy of all files with the root initialised. The lock file of the repository is
// left out: it has the hashes of the registry, and the mirror has others.
func (w with) ready(t *testing.T, root, environment string) string {
	t.Helper()
	dir := filepath.Join(root, "environments", environment)
	if err := os.RemoveAll(filepath.Join(dir, ".terraform.lock.hcl")); err != nil {
		t.Fatal(err)
	}
	if out, err := w.run(t.Context(), dir, "init", "-backend=false", "-input=false", "-no-color"); err != nil {
		t.Fatalf("init of %s: %v\n%s", environment, err, out)
	}
	return dir
}

// azure lists the roots with azurerm. The provider of Azure DevOps is not checked here.
func azure() []string { return []string{"shared", "dev", "staging", "prod"} }

func TestTheProviderAcceptsEverything(t *testing.T) {
	w := provider(t)
	for _, environment := range azure() {
		t.Run(environment, func(t *testing.T) {
			dir := w.ready(t, mutated(t, "modules/network/main.tf", "nodes", "nodes"), environment)
			for _, args := range [][]string{{"validate", "-no-color"}, {"test", "-no-color"}} {
				out, err := w.run(t.Context(), dir, args...)
				t.Log(out)
				if err != nil {
					t.Errorf("terraform %s: %v", args[0], err)
				}
			}
		})
	}
}

// A mocked plan repeats its input, so this takes each property away in turn: its assertion has
// to fail with its message.
func TestEveryPropertyIsHeldByATest(t *testing.T) {
	w := provider(t)
	for name, tt := range map[string]struct{ environment, file, old, new, says string }{
		"local accounts":                  {"prod", "modules/cluster/main.tf", "local_account_disabled            = true", "local_account_disabled            = false", "The cluster has local accounts."},
		"roles of Kubernetes alone":       {"prod", "modules/cluster/main.tf", "azure_rbac_enabled     = true", "azure_rbac_enabled     = false", "Roles of Azure do not decide"},
		"pods without identity":           {"prod", "modules/cluster/main.tf", "workload_identity_enabled         = true", "workload_identity_enabled         = false", "Pods have no identity."},
		"commands past the API server":    {"prod", "modules/cluster/main.tf", "run_command_enabled               = false", "run_command_enabled               = true", "Commands can be run past"},
		"a public API server in prod":     {"prod", "environments/prod/main.tf", "private                 = true", "private                 = false", "The API server is where it should not be."},
		"another network":                 {"staging", "modules/cluster/main.tf", `network_policy      = "cilium"`, `network_policy      = "azure"`, "not an overlay of Azure with Cilium"},
		"safeguards that warn":            {"staging", "modules/cluster/main.tf", `"Enforce"`, `"Warn"`, "Deployment safeguards do not enforce."},
		"faults in prod":                  {"prod", "environments/prod/main.tf", "faults_allowed          = false", "faults_allowed          = true", "Safeguards leave out another namespace"},
		"one zone in prod":                {"prod", "environments/prod/main.tf", `["1", "2", "3"]`, `["1"]`, "Nodes are in other zones than promised."},
		"applications in one zone":        {"prod", "modules/cluster/main.tf", "zones                       = var.zones", "zones                       = [\"1\"]", "Nodes are in other zones than promised."},
		"no SLA":                          {"prod", "environments/prod/main.tf", "uptime_sla              = true", "uptime_sla              = false", "The control plane has another SLA"},
		"a zone without a node":           {"prod", "environments/prod/main.tf", "vm_size         = \"Standard_D4ads_v5\"\n    min_count       = 3", "vm_size         = \"Standard_D4ads_v5\"\n    min_count       = 1", "A zone may have no node."},
		"images that are never cleaned":   {"dev", "modules/cluster/main.tf", "image_cleaner_enabled        = true", "image_cleaner_enabled        = false", "Old images fill"},
		"logs for ever":                   {"prod", "environments/prod/main.tf", "log_retention_in_days   = 90", "log_retention_in_days   = 365", "Logs are kept for longer than 90 days."},
		"spot nodes that wait":            {"staging", "modules/cluster/main.tf", "min_count            = 0", "min_count            = 1", "The spot pool does not begin at zero"},
		"spot nodes in prod":              {"prod", "environments/prod/main.tf", "spot_max_count = 0", "spot_max_count = 2", "The spot pool does not begin at zero, or is where it should not be."},
		"no forecast":                     {"dev", "modules/budget/main.tf", `"Forecasted"`, `"Actual"`, "Nobody is told before"},
		"another environment's Secret":    {"dev", "modules/environment/outputs.tf", `= var.environment`, `= "prod"`, "names another environment"},
		"another registry's Secret":       {"dev", "modules/environment/outputs.tf", "= var.registry.login_server", "= var.registry.id", "names another registry"},
		"no cap on logs":                  {"dev", "modules/observability/main.tf", "daily_quota_gb               = var.daily_quota_gb", "daily_quota_gb               = -1", "Logs have no daily cap."},
		"a registry with a password":      {"shared", "modules/registry/main.tf", "admin_enabled          = false", "admin_enabled          = true", "whom Entra ID does not know"},
		"a registry for everybody":        {"shared", "modules/registry/main.tf", "anonymous_pull_enabled = false", "anonymous_pull_enabled = true", "whom Entra ID does not know"},
		"a registry in one zone":          {"shared", "modules/registry/main.tf", "zone_redundancy_enabled = true", "zone_redundancy_enabled = false", "The registry goes with a zone."},
		"a pipeline that owns the images": {"shared", "modules/registry/main.tf", `"AcrPush"`, `"Owner"`, "may do more in the registry"},
		"access policies in the vault":    {"shared", "modules/keyvault/main.tf", "rbac_authorization_enabled = true", "rbac_authorization_enabled = false", "Roles do not decide who asks the vault"},
		"a key that can be destroyed":     {"shared", "modules/keyvault/main.tf", "purge_protection_enabled   = true", "purge_protection_enabled   = false", "what is in it can be destroyed"},
		"a key that decrypts":             {"shared", "modules/keyvault/main.tf", `["sign", "verify"]`, `["sign", "verify", "wrapKey"]`, "not one on P-256 that only signs"},
		"a pipeline that makes keys":      {"shared", "modules/keyvault/main.tf", `"Key Vault Crypto User"`, `"Key Vault Crypto Officer"`, "may do more with the key"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := w.ready(t, mutated(t, tt.file, tt.old, tt.new), tt.environment)
			out, err := w.run(t.Context(), dir, "test", "-no-color")
			said := strings.Join(strings.Fields(strings.ReplaceAll(out, "│", " ")), " ")
			if err == nil || !strings.Contains(said, tt.says) {
				t.Errorf("want %q: %v\n%s", tt.says, err, out)
			}
		})
	}
}
