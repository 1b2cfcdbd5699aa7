package terraform

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// wiring finds mistakes between modules: variables that are not declared, not given or not
// used, and outputs that do not exist.
func wiring(all map[string]source) error {
	var errs []error
	for name, s := range all {
		refs := references(s.body)
		for variable := range s.variables {
			if !slices.ContainsFunc(refs, func(r string) bool { return r == "var."+variable || strings.HasPrefix(r, "var."+variable+".") }) {
				errs = append(errs, fmt.Errorf("%s: nothing reads the variable %s", name, variable))
			}
		}
		for _, ref := range refs {
			parts := strings.Split(ref, ".")
			switch {
			case parts[0] == "var" && len(parts) > 1 && s.variables[parts[1]] == nil:
				errs = append(errs, fmt.Errorf("%s: there is no variable %s", name, parts[1]))
			case parts[0] == "module" && len(parts) > 2:
				call := s.calls[parts[1]]
				if call == nil {
					errs = append(errs, fmt.Errorf("%s: no module is called %s", name, parts[1]))
				} else if all[path.Join(name, text(call.Body, "source"))].outputs[parts[2]] == nil {
					errs = append(errs, fmt.Errorf("%s: module %s has no output %s", name, parts[1], parts[2]))
				}
			}
		}
		for label, call := range s.calls {
			of, ok := all[path.Join(name, text(call.Body, "source"))]
			if !ok {
				errs = append(errs, fmt.Errorf("%s: the source of module %s does not exist", name, label))
				continue
			}
			for argument := range call.Body.Attributes {
				if argument != "source" && of.variables[argument] == nil {
					errs = append(errs, fmt.Errorf("%s: module %s has no variable %s", name, label, argument))
				}
			}
			for variable, b := range of.variables {
				if call.Body.Attributes[variable] == nil && b.Body.Attributes["default"] == nil {
					errs = append(errs, fmt.Errorf("%s: module %s needs the variable %s", name, label, variable))
				}
			}
		}
		for variable, b := range s.variables {
			if text(b.Body, "description") == "" || b.Body.Attributes["type"] == nil {
				errs = append(errs, fmt.Errorf("%s: the variable %s has no description or no type", name, variable))
			}
		}
		for output, b := range s.outputs {
			if text(b.Body, "description") == "" {
				errs = append(errs, fmt.Errorf("%s: the output %s has no description", name, output))
			}
		}
	}
	return errors.Join(errs...)
}

func TestModulesFitTogether(t *testing.T) {
	if err := wiring(sources(t, ".")); err != nil {
		t.Error(err)
	}
}

func TestWiringThatIsWrongIsFound(t *testing.T) {
	for name, tt := range map[string]struct{ file, old, new, says string }{
		"a variable that is not given":      {"modules/environment/main.tf", "  address_space       = var.address_space\n", "", "needs the variable address_space"},
		"a variable that there is not":      {"environments/dev/main.tf", "uptime_sla ", "uptime_slo ", "has no variable uptime_slo"},
		"a variable that is not declared":   {"environments/dev/main.tf", "= var.receivers", "= var.receiver", "there is no variable receiver"},
		"an output that there is not":       {"modules/environment/main.tf", "module.network.nodes_subnet_id", "module.network.subnet_id", "has no output subnet_id"},
		"a variable that nothing reads":     {"modules/budget/variables.tf", `variable "environment"`, `variable "environments"`, "nothing reads the variable environments"},
		"a module that is not called":       {"modules/environment/main.tf", "module.cluster.oidc_issuer_url", "module.clusters.oidc_issuer_url", "no module is called clusters"},
		"a source without a module":         {"environments/prod/main.tf", "../../modules/environment", "../../modules/environments", "the source of module environment does not exist"},
		"an output without its description": {"modules/registry/outputs.tf", `description = "The registry."`, "", "the output id has no description"},
	} {
		t.Run(name, func(t *testing.T) {
			err := wiring(sources(t, mutated(t, tt.file, tt.old, tt.new)))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("want %q: %v", tt.says, err)
			}
		})
	}
}

func TestFilesAreFormatted(t *testing.T) {
	for _, pattern := range []string{"*/*/*.tf", "*/*/*.tftest.hcl", "environments/*/tests/*.tftest.hcl", "root/*.tf", "root/tests/*", "mocks/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files: %v", err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(hclwrite.Format(data)) != string(data) {
				t.Errorf("%s is not formatted: terraform fmt -recursive platform/terraform", file)
			}
		}
	}
}

// The state of every root is in Azure, and no key or secret opens it.
func TestStateIsKeptWithoutKeys(t *testing.T) {
	for name, s := range sources(t, ".") {
		if !strings.HasPrefix(name, "environments/") {
			continue
		}
		var backend *hclsyntax.Body
		for _, b := range s.blocks {
			for _, inner := range b.Body.Blocks {
				if b.Type == "terraform" && inner.Type == "backend" && inner.Labels[0] == "azurerm" {
					backend = inner.Body
				}
			}
		}
		if backend == nil {
			t.Errorf("%s keeps its state nowhere", name)
			continue
		}
		if want := path.Base(name) + ".tfstate"; text(backend, "key") != want {
			t.Errorf("%s keeps its state as %q, want %q: two roots in one state destroy each other", name, text(backend, "key"), want)
		}
		for _, on := range []string{"use_azuread_auth", "use_oidc"} {
			a := backend.Attributes[on]
			if a == nil {
				t.Errorf("%s: the backend has no %s", name, on)
				continue
			}
			if v, diags := a.Expr.Value(nil); diags.HasErrors() || !v.True() {
				t.Errorf("%s: %s of the backend is off", name, on)
			}
		}
		for _, secret := range []string{"access_key", "sas_token", "client_secret"} {
			if backend.Attributes[secret] != nil {
				t.Errorf("%s: the backend has a secret, %s", name, secret)
			}
		}
	}
}

// Terraform writes the annotations of the cluster's Secret that Argo CD reads.
func TestAnnotationsAreThoseThatArgoCDReads(t *testing.T) {
	key := regexp.MustCompile(`\bballast\.dev/[a-z]+\b`)
	set := func(files ...string) []string {
		var all []string
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, key.FindAllString(string(data), -1)...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	read := set("../argocd/bootstrap/environments.yaml", "../argocd/bootstrap/self.yaml")
	// Only where one Argo CD has two clusters of one environment.
	read = slices.DeleteFunc(read, func(s string) bool { return s == "ballast.dev/suffix" })
	written := set("modules/environment/outputs.tf")
	if !slices.Equal(read, written) {
		t.Errorf("Argo CD reads %v, Terraform writes %v", read, written)
	}
}

// Terraform and Argo CD have the same environments, but for the sandbox.
func TestEnvironmentsAreThoseOfArgoCD(t *testing.T) {
	for _, name := range []string{"dev", "staging", "prod"} {
		for _, file := range []string{"../argocd/environments/" + name + "/promotion.yaml", "environments/" + name + "/tests/own.tftest.hcl"} {
			if _, err := os.Stat(file); err != nil {
				t.Error(err)
			}
		}
	}
}

// Experiments are allowed where namespaces may be hit, and nowhere else.
func TestFaultsAreAllowedWhereNamespacesSaySo(t *testing.T) {
	all := sources(t, ".")
	for _, name := range []string{"dev", "staging", "prod"} {
		data, err := os.ReadFile("../argocd/environments/" + name + "/namespaces.yaml")
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(string(data), "chaos-mesh.org/inject: enabled")
		v, diags := all["environments/"+name].calls["environment"].Body.Attributes["faults_allowed"].Expr.Value(nil)
		if diags.HasErrors() || v.True() != said {
			t.Errorf("%s: faults_allowed is %v, and its namespaces say %v", name, v.True(), said)
		}
	}
}

// A federated credential for another namespace would never be used, and the runner could not
// query Prometheus.
func TestTheRunnersIdentityIsForItsServiceAccount(t *testing.T) {
	main, err := os.ReadFile("modules/environment/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	account := regexp.MustCompile(`runner = \{\s+namespace = "([^"]+)"\s+name\s+= "([^"]+)"`).FindSubmatch(main)
	if account == nil {
		t.Fatal("modules/environment/main.tf has no service account runner with a namespace and a name")
	}
	for _, file := range []string{"dev/chaos.yaml", "staging/chaos.yaml", "staging/experiments.yaml"} {
		data, err := os.ReadFile(filepath.Join("../argocd/environments", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), "namespace: "+string(account[1])+"}") {
			t.Errorf("the identity is for namespace %s, and %s deploys the runner to another", account[1], file)
		}
	}
	for _, file := range []string{"chaos/templates/runner/rbac.yaml", "experiments/templates/_helpers.tpl"} {
		data, err := os.ReadFile(filepath.Join("../helm", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), ": "+string(account[2])+"\n") {
			t.Errorf("the identity is for ServiceAccount %s, which %s does not name", account[2], file)
		}
	}
}

// What pipelines and the Makefile name is what the modules make.
func TestNamesOfPipelinesAreMade(t *testing.T) {
	devops, err := os.ReadFile("modules/devops/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`toset(["release", "dev", "dev-chaos", "staging", "staging-chaos", "prod"])`, `"ballast-${each.key}"`,
		`name         = "ballast-release"`, `name  = "REGISTRY"`, `name  = "SIGNING_KEY"`,
		`"azure-pipelines.yml"`, `"platform/pipelines/promotion.yml"`, `"platform/pipelines/release.yml"`, `"platform/pipelines/judged.yml"`,
		`"platform/pipelines/load-test.yml"`, `"platform/pipelines/measured.yml"`,
		`"platform/pipelines/rollback-on-page.yml"`, `"platform/pipelines/watched.yml"`, `name  = "PROMETHEUS_STAGING"`, `name  = "PROMETHEUS_PROD"`,
	} {
		if !strings.Contains(string(devops), want) {
			t.Errorf("modules/devops does not say %s; platform/pipelines does", want)
		}
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for made, used := range map[string]string{"rg-ballast-${var.environment}": "rg-ballast-$(ENV)", "aks-ballast-${var.environment}": "aks-ballast-$(ENV)"} {
		found := false
		for _, s := range sources(t, ".") {
			for _, b := range s.resources {
				if a := b.Body.Attributes["name"]; a != nil {
					text, err := os.ReadFile(a.SrcRange.Filename)
					found = found || err == nil && strings.Contains(string(text[a.SrcRange.Start.Byte:a.SrcRange.End.Byte]), made)
				}
			}
		}
		if !found || !strings.Contains(string(makefile), used) {
			t.Errorf("%s is not both made by Terraform and used by the Makefile, as %s", made, used)
		}
	}
}
