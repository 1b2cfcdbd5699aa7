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

// with is Terraform with real providers, which a directory has instead of a registry.
type with struct {
	terraform string
	env       []string
	versions  map[string]string // of the providers that are there
}

// provider skips a test on machines without one of these providers: building azurerm takes a
// quarter of an hour, so `make terraform-check` does it on demand.
func provider(t *testing.T, names ...string) with {
	t.Helper()
	w, mirror := built(t)
	for _, name := range names {
		if w.versions[name] == "" {
			t.Skipf("without the provider %s; make terraform-check builds it and runs this", name)
		}
	}
	config := filepath.Join(t.TempDir(), "terraform.rc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	return w
}

// built puts the providers that the Makefile has built where Terraform finds them.
func built(t *testing.T) (with, string) {
	t.Helper()
	w, mirror := with{terraform: os.Getenv("BALLAST_TERRAFORM"), versions: map[string]string{}}, t.TempDir()
	if w.terraform == "" {
		return w, mirror
	}
	for _, name := range []string{"azurerm", "helm"} {
		variable := "BALLAST_" + strings.ToUpper(name)
		binary, version := os.Getenv(variable), os.Getenv(variable+"_VERSION")
		if binary == "" {
			continue
		}
		dir := filepath.Join(mirror, "registry.terraform.io/hashicorp", name, version, "linux_amd64")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(binary, filepath.Join(dir, "terraform-provider-"+name+"_v"+version)); err != nil {
			t.Fatal(err)
		}
		w.versions[name] = version
	}
	return w, mirror
}

func (w with) run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, w.terraform, args...)
	cmd.Dir, cmd.Env = dir, w.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// ready is a copy of all files with one directory initialised. The lock file of the repository
// is left out: it has the hashes of the registry, and the mirror has others.
func (w with) ready(t *testing.T, root, name string) string {
	t.Helper()
	dir := filepath.Join(root, filepath.FromSlash(name))
	if err := os.RemoveAll(filepath.Join(dir, ".terraform.lock.hcl")); err != nil {
		t.Fatal(err)
	}
	if out, err := w.run(t.Context(), dir, "init", "-backend=false", "-input=false", "-no-color"); err != nil {
		t.Fatalf("init of %s: %v\n%s", name, err, out)
	}
	return dir
}

// checked are the directories with tests, and the provider that each takes. That of Azure
// DevOps is not checked here.
func checked() map[string]string {
	return map[string]string{
		"environments/shared": "azurerm", "environments/dev": "azurerm", "environments/staging": "azurerm", "environments/prod": "azurerm",
		"modules/argocd": "helm", "environments/dev-argocd": "helm", "environments/staging-argocd": "helm", "environments/prod-argocd": "helm",
	}
}

func TestTheProviderAcceptsEverything(t *testing.T) {
	for name, needs := range checked() {
		t.Run(name, func(t *testing.T) {
			w := provider(t, needs)
			dir := w.ready(t, mutated(t, "modules/network/main.tf", "nodes", "nodes"), name)
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
	for name, tt := range map[string]property{
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
		"another address of the cluster":  {"dev", "modules/cluster/outputs.tf", "kube_config[0].host", "kube_config[0].username", "does not learn where the API server is."},
		"no certificate of the cluster":   {"dev", "modules/cluster/outputs.tf", "kube_config[0].cluster_ca_certificate", "kube_config[0].client_certificate", "does not learn where the API server is."},
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
		t.Run(name, func(t *testing.T) { tt.held(t, provider(t, "azurerm"), "environments/"+tt.in) })
	}
}

// The same for Argo CD.
func TestEveryPropertyOfArgoCDIsHeldByATest(t *testing.T) {
	const module, main, values = "modules/argocd", "modules/argocd/main.tf", "modules/argocd/values.tf"
	for name, tt := range map[string]property{
		"the newest chart":              {module, main, "  version    = local.chart\n", "", "The chart is not the one that is pinned."},
		"another repository":            {module, main, `"https://argoproj.github.io/argo-helm"`, `"https://charts.example"`, "The chart is not the one that is pinned."},
		"another Argo CD":               {module, values, "image = { tag = local.argocd }", `image = { tag = "v3.5.4" }`, "It is another Argo CD"},
		"another name":                  {module, main, `name       = "argocd"`, `name       = "argo"`, "look for each other by other names."},
		"an update that is not watched": {module, main, "  atomic      = true\n", "  atomic      = false\n", "counts as installed."},
		"a release that is not watched": {module, main, "  wait             = true\n", "  wait             = false\n", "counts as installed."},
		"settings of the chart":         {module, values, "cm     = { create = false }", "cm     = { create = true }", "The chart has settings"},
		"parameters of the chart":       {module, values, "params = { create = false }", "params = { create = true }", "The chart has settings"},
		"roles of the chart":            {module, values, "rbac   = { create = false }", "rbac   = { create = true }", "The chart has settings"},
		"a cluster without its Secret":  {module, values, "extraObjects = [yamldecode(var.cluster_secret)]", "extraObjects = []", "The Secret of the cluster is not passed on"},
		"the state of another one":      {module, "modules/argocd/variables.tf", "== var.environment", `!= "none"`, "Missing expected failure"},
		"an admin with a password":      {module, values, `= "!"`, `= ""`, "There is a password for admin."},
		"Dex":                           {module, values, "dex           = { enabled = false }", "dex           = { enabled = true }", "A program runs that nobody uses."},
		"an address on the internet":    {module, values, `"ClusterIP"`, `"LoadBalancer"`, "Argo CD is reachable from outside"},
		"root":                          {module, values, "runAsNonRoot   = true", "runAsNonRoot   = false", "A program may run as root."},
		"a program without requests":    {module, values, "      resources      = local.resources.redis\n", "", "says nothing of the memory and CPU"},
		"no room on the system pool":    {module, values, `"CriticalAddonsOnly"`, `"Other"`, "It may not run on the system pool"},
		"one repo server":               {module, values, "repoServer = {\n      replicas  = local.replicas", "repoServer = {\n      replicas  = 1", "A part has as many replicas as it should not."},
		"a drain of both":               {module, values, "server = {\n      replicas  = local.replicas\n      pdb       = local.pdb", "server = {\n      replicas  = local.replicas\n      pdb       = { enabled = false }", "A drain may take both replicas at once."},
		"one zone":                      {module, values, "topologySpreadConstraints = var.highly_available ?", "topologySpreadConstraints = false ?", "Both replicas may be in one zone."},
		"two of each in dev":            {module, values, "replicas = var.highly_available ? 2 : 1", "replicas = 2", "where one is enough."},
		"a budget for one":              {module, values, "enabled = var.highly_available,", "enabled = true,", "keeps the only replica on its node"},
		"one replica in prod":           {"environments/prod-argocd", "environments/prod-argocd/environment.tf", "highly_available = true", "highly_available = false", "another number of replicas than promised."},
		"one replica in staging":        {"environments/staging-argocd", "environments/staging-argocd/environment.tf", "highly_available = true", "highly_available = false", "another number of replicas than promised."},
		"two replicas in dev":           {"environments/dev-argocd", "environments/dev-argocd/environment.tf", "highly_available = false", "highly_available = true", "another number of replicas than promised."},
		"prod's root called staging":    {"environments/prod-argocd", "environments/prod-argocd/environment.tf", `environment      = "prod"`, `environment      = "staging"`, "cluster_secret is that of another environment"},
	} {
		t.Run(name, func(t *testing.T) { tt.held(t, provider(t, "helm"), tt.in) })
	}
}

// property is one that is taken away in a file, and what the tests of a directory say then.
type property struct{ in, file, old, new, says string }

func (p property) held(t *testing.T, w with, in string) {
	t.Helper()
	out, err := w.run(t.Context(), w.ready(t, mutated(t, p.file, p.old, p.new), in), "test", "-no-color")
	said := strings.Join(strings.Fields(strings.ReplaceAll(out, "│", " ")), " ")
	if err == nil || !strings.Contains(said, p.says) {
		t.Errorf("want %q: %v\n%s", p.says, err, out)
	}
}
