package terraform

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ballast-sre/ballast/tests/mutant"
)

// repository copies the files that have to agree about Argo CD, so that a test can change one.
func repository(t *testing.T, file, old, text string) string {
	t.Helper()
	root := t.TempDir()
	copied(t, "../..", root, "platform/terraform/modules", "platform/terraform/environments", "platform/terraform/root", "platform/argocd/bootstrap", "platform/cluster/components/argo-cd")
	if file != "" {
		mutant.Edit(t, filepath.Join(root, file), old, text)
	}
	return root
}

// found is what the first group of an expression matches in a file.
func found(root, file, expression string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(expression).FindSubmatch(data)
	if m == nil {
		return "", fmt.Errorf("%s has nothing like %s", file, expression)
	}
	return string(m[1]), nil
}

// sameArgoCD: AKS runs the Argo CD that `make up` builds and that is tried here.
func sameArgoCD(root string) error {
	aks, err := found(root, "platform/terraform/modules/argocd/main.tf", `(?m)^  argocd = "(v[0-9.]+)"$`)
	if err != nil {
		return err
	}
	const pin = "platform/cluster/components/argo-cd/go.mod"
	here, err := found(root, pin, `(?m)^\tgithub.com/argoproj/argo-cd/v3 (v[0-9.]+)`)
	if err != nil {
		return err
	}
	if aks != here {
		return fmt.Errorf("modules/argocd/main.tf installs Argo CD %s, and %s has %s; make them the same, and see whether the chart is still the one for it", aks, pin, here)
	}
	return nil
}

// oneOwner: a setting that platform/argocd/bootstrap has is not made by the chart.
func oneOwner(root string) error {
	keys := map[string]string{"argocd-cm": "cm", "argocd-cmd-params-cm": "params", "argocd-rbac-cm": "rbac"}
	settings, err := os.ReadFile(filepath.Join(root, "platform/argocd/bootstrap/settings.yaml"))
	if err != nil {
		return err
	}
	names := regexp.MustCompile(`(?m)^kind: ConfigMap\nmetadata:\n  name: (\S+)$`).FindAllSubmatch(settings, -1)
	if len(names) != len(keys) {
		return fmt.Errorf("settings.yaml has %d ConfigMaps, want %d", len(names), len(keys))
	}
	for _, name := range names {
		key, ok := keys[string(name[1])]
		if !ok {
			return fmt.Errorf("settings.yaml has %s, which this test does not know; add the value that keeps the chart from creating it", name[1])
		}
		if _, err := found(root, "platform/terraform/modules/argocd/values.tf", `(?m)^ +(`+key+` += \{ create = false \})$`); err != nil {
			return fmt.Errorf("%s is of platform/argocd/bootstrap: %w", name[1], err)
		}
	}
	return nil
}

// byEntraID: the provider of Helm asks kubelogin for a token, and has no other way in.
func byEntraID(root string) error {
	s, err := read(filepath.Join(root, "platform/terraform/root/argocd"))
	if err != nil {
		return err
	}
	for _, b := range s.blocks {
		if b.Type != "provider" || b.Labels[0] != "helm" {
			continue
		}
		if names := slices.Collect(maps.Keys(b.Body.Attributes)); len(names) != 1 || names[0] != "kubernetes" {
			return fmt.Errorf("the provider of Helm has the arguments %v, want kubernetes", names)
		}
		cluster, err := object(b.Body.Attributes["kubernetes"].Expr)
		if err != nil {
			return err
		}
		if got := slices.Sorted(maps.Keys(cluster)); !slices.Equal(got, []string{"cluster_ca_certificate", "exec", "host"}) {
			return fmt.Errorf("the provider of Helm reaches the cluster by %v, want host, cluster_ca_certificate and exec: there are no local accounts", got)
		}
		exec, err := object(cluster["exec"])
		if err != nil {
			return err
		}
		command, diags := exec["command"].Value(nil)
		if diags.HasErrors() || command.AsString() != "kubelogin" {
			return errors.New("the provider of Helm gets its token from another program than kubelogin")
		}
		return nil
	}
	return errors.New("root/argocd configures no helm provider")
}

// object is what an expression like {name = …} has under each name.
func object(e hclsyntax.Expression) (map[string]hclsyntax.Expression, error) {
	o, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil, fmt.Errorf("%s is not written out as an object", e.Range())
	}
	all := map[string]hclsyntax.Expression{}
	for _, item := range o.Items {
		key, diags := item.KeyExpr.Value(nil)
		if diags.HasErrors() {
			return nil, diags
		}
		all[key.AsString()] = item.ValueExpr
	}
	return all, nil
}

// ownState: the root of Argo CD reads the state of its environment, and outputs that are there.
func ownState(root string) error {
	outputs, err := read(filepath.Join(root, "platform/terraform/root"))
	if err != nil {
		return err
	}
	for _, environment := range []string{"dev", "staging", "prod"} {
		dir := "platform/terraform/environments/" + environment + "-argocd"
		for _, want := range []struct{ file, like string }{
			{"/main.tf", `(?m)^    container_name   = "(tfstate)"$`},
			{"/main.tf", `(?m)^    key              = "(\$\{local\.environment\}\.tfstate)"$`},
			{"/environment.tf", `(?m)^  environment      = "(` + environment + `)"$`},
		} {
			if _, err := found(root, dir+want.file, want.like); err != nil {
				return err
			}
		}
		s, err := read(filepath.Join(root, dir))
		if err != nil {
			return err
		}
		said := map[string]bool{}
		for _, ref := range references(s.body) {
			parts := strings.Split(ref, ".")
			if len(parts) > 4 && parts[1] == "terraform_remote_state" {
				said[parts[4]] = true
				if outputs.outputs[parts[4]] == nil {
					return fmt.Errorf("%s reads the output %s, which root/outputs.tf does not have", dir, parts[4])
				}
			}
		}
		if !said["cluster_secret"] || !said["api_server"] {
			return fmt.Errorf("%s reads %v, want cluster_secret and api_server", dir, slices.Sorted(maps.Keys(said)))
		}
	}
	for _, field := range []string{"host", "ca_certificate"} {
		if _, err := found(root, "platform/terraform/root/argocd/terraform.tf", `outputs\.api_server\.(`+field+`)\b`); err != nil {
			return err
		}
		if _, err := found(root, "platform/terraform/modules/cluster/outputs.tf", `(?m)^    (`+field+`) += nonsensitive`); err != nil {
			return err
		}
	}
	return nil
}

func TestArgoCDAgreesWithWhatItMeets(t *testing.T) {
	root := repository(t, "", "", "")
	if err := errors.Join(sameArgoCD(root), oneOwner(root), byEntraID(root), ownState(root)); err != nil {
		t.Error(err)
	}
}

func TestArgoCDThatDoesNotAgreeIsFound(t *testing.T) {
	const modules, all, dev = "platform/terraform/modules/argocd/", "platform/terraform/root/argocd/", "platform/terraform/environments/dev-argocd/environment.tf"
	const provider = all + "terraform.tf"
	for name, tt := range map[string]struct {
		check                func(string) error
		file, old, new, says string
	}{
		"another Argo CD on AKS":          {sameArgoCD, modules + "main.tf", `argocd = "v3.5.7"`, `argocd = "v3.5.4"`, "installs Argo CD v3.5.4, and"},
		"another Argo CD here":            {sameArgoCD, "platform/cluster/components/argo-cd/go.mod", "argo-cd/v3 v3.5.7", "argo-cd/v3 v3.6.0", "has v3.6.0"},
		"settings that the chart makes":   {oneOwner, modules + "values.tf", "cm     = { create = false }", "cm     = { create = true }", "argocd-cm is of platform/argocd/bootstrap"},
		"settings that are not mentioned": {oneOwner, modules + "values.tf", "      params = { create = false }\n", "", "argocd-cmd-params-cm is of platform/argocd/bootstrap"},
		"a new setting of the bootstrap":  {oneOwner, "platform/argocd/bootstrap/settings.yaml", "name: argocd-rbac-cm\n", "name: argocd-tls-certs-cm\n", "settings.yaml has argocd-tls-certs-cm"},
		"a token in the configuration":    {byEntraID, provider, "    host  ", "    token = \"x\"\n    host  ", "there are no local accounts"},
		"an unchecked certificate":        {byEntraID, provider, "    host  ", "    insecure = true\n    host  ", "there are no local accounts"},
		"somebody's kubeconfig":           {byEntraID, provider, "    exec = {", "    config_path = \"~/.kube/config\"\n    exec = {", "there are no local accounts"},
		"another program":                 {byEntraID, provider, `"kubelogin"`, `"sh"`, "another program than kubelogin"},
		"no configuration":                {byEntraID, provider, `provider "helm"`, `provider "other"`, "root/argocd configures no helm provider"},
		"the state of another one":        {ownState, all + "main.tf", `"${local.environment}.tfstate"`, `"prod.tfstate"`, "dev-argocd/main.tf has nothing like"},
		"the name of another one":         {ownState, dev, `environment      = "dev"`, `environment      = "prod"`, "dev-argocd/environment.tf has nothing like"},
		"an output that there is not":     {ownState, "platform/terraform/root/outputs.tf", `output "cluster_secret"`, `output "secret"`, "reads the output cluster_secret, which"},
		"a field that there is not":       {ownState, "platform/terraform/modules/cluster/outputs.tf", "    ca_certificate = ", "    ca = ", "modules/cluster/outputs.tf has nothing like"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tt.check(repository(t, tt.file, tt.old, tt.new)); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("want %q: %v", tt.says, err)
			}
		})
	}
}
