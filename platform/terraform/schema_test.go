package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ballast-sre/ballast/tests/mutant"
)

// The schemas of the providers, reduced to the resources in use: `make terraform-schema`.
type recorded struct {
	Providers map[string]string `json:"providers"` // versions, by name
	Resources map[string]block  `json:"resources"`
	Data      map[string]block  `json:"data"`
}

type block struct {
	Attributes map[string]attribute `json:"attributes,omitempty"`
	Blocks     map[string]nested    `json:"block_types,omitempty"`
}

type attribute struct {
	Required bool `json:"required,omitempty"`
	Optional bool `json:"optional,omitempty"`
	Computed bool `json:"computed,omitempty"`
}

type nested struct {
	Nesting string `json:"nesting_mode"`
	Min     int    `json:"min_items,omitempty"`
	Max     int    `json:"max_items,omitempty"`
	Block   block  `json:"block"`
}

func load(t *testing.T) recorded {
	t.Helper()
	data, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// schemas are those of a provider, as `terraform providers schema -json` has them.
type schemas struct {
	Resources map[string]kind `json:"resource_schemas"`
	Data      map[string]kind `json:"data_source_schemas"`
}

type kind struct {
	Block block `json:"block"`
}

// of asks Terraform for the schemas of the providers that are there and of its own.
func (w with) of(t *testing.T) map[string]schemas {
	t.Helper()
	var b strings.Builder
	b.WriteString("terraform {\n  required_providers {\n    terraform = {\n      source = \"terraform.io/builtin/terraform\"\n    }\n")
	for name, version := range w.versions {
		fmt.Fprintf(&b, "    %s = {\n      source  = \"hashicorp/%s\"\n      version = %q\n    }\n", name, name, version)
	}
	b.WriteString("  }\n}\n")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := w.run(t.Context(), dir, "init", "-input=false", "-no-color"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := w.run(t.Context(), dir, "providers", "schema", "-json")
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	var full struct {
		Providers map[string]schemas `json:"provider_schemas"`
	}
	if err := json.Unmarshal([]byte(data), &full); err != nil {
		t.Fatal(err)
	}
	all := map[string]schemas{}
	for address, s := range full.Providers {
		all[path.Base(address)] = s
	}
	return all
}

// provided is the name of the provider of a resource.
func provided(kind string) string {
	name, _, _ := strings.Cut(kind, "_")
	return name
}

// `make terraform-schema` records what the modules use of the providers' schemas. What is of a
// provider that is not there stays as it was recorded.
func TestRecordTheSchema(t *testing.T) {
	if os.Getenv("BALLAST_RECORD") == "" {
		t.Skip("make terraform-schema builds the providers and runs this")
	}
	w := provider(t)
	full, before := w.of(t), load(t)
	r := recorded{Providers: before.Providers, Resources: map[string]block{}, Data: map[string]block{}}
	if r.Providers == nil {
		r.Providers = map[string]string{}
	}
	maps.Copy(r.Providers, w.versions)
	for _, s := range sources(t, ".") {
		for _, b := range s.resources {
			name := b.Labels[0]
			from, there := full[provided(name)]
			switch {
			case provided(name) == "azuredevops":
			case b.Type == "data" && there:
				r.Data[name] = from.Data[name].Block
			case b.Type == "data":
				r.Data[name] = before.Data[name]
			case there:
				r.Resources[name] = from.Resources[name].Block
			default:
				r.Resources[name] = before.Resources[name]
			}
		}
	}
	for _, all := range []map[string]block{r.Resources, r.Data} {
		for name, b := range all {
			if len(b.Attributes) == 0 {
				t.Errorf("no provider here has %s", name)
			}
		}
	}
	out, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("schema.json", append(out, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// meta are the arguments of Terraform itself.
func meta(name string) bool {
	return slices.Contains([]string{"count", "for_each", "depends_on", "provider", "lifecycle", "timeouts"}, name)
}

// check compares a body with its schema.
func (b block) check(at string, body *hclsyntax.Body) error {
	var errs []error
	count := map[string]int{}
	open := map[string]bool{} // blocks of which there may be any number
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		a, ok := b.Attributes[name]
		switch {
		case meta(name):
		case !ok && b.Blocks[name].Nesting == "":
			errs = append(errs, fmt.Errorf("%s: there is no argument %s", at, name))
		case ok && !a.Required && !a.Optional:
			errs = append(errs, fmt.Errorf("%s: %s cannot be set", at, name))
		}
	}
	for _, inner := range body.Blocks {
		name, content := inner.Type, inner.Body
		if name == "dynamic" {
			name, content = inner.Labels[0], nil
			for _, c := range inner.Body.Blocks {
				if c.Type == "content" {
					content = c.Body
				}
			}
			open[name] = true
		}
		if meta(name) {
			continue
		}
		n, ok := b.Blocks[name]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: there is no block %s", at, name))
			continue
		}
		if content == nil {
			errs = append(errs, fmt.Errorf("%s.%s: a dynamic block without content", at, name))
			continue
		}
		count[name]++
		errs = append(errs, n.Block.check(at+"."+name, content))
	}
	for name, a := range b.Attributes {
		if _, ok := body.Attributes[name]; a.Required && !ok {
			errs = append(errs, fmt.Errorf("%s: the argument %s is missing", at, name))
		}
	}
	for name, n := range b.Blocks {
		if !open[name] && count[name] < n.Min {
			errs = append(errs, fmt.Errorf("%s: the block %s is missing", at, name))
		}
		if !open[name] && n.Max > 0 && count[name] > n.Max {
			errs = append(errs, fmt.Errorf("%s: %d blocks %s, of which there may be %d", at, count[name], name, n.Max))
		}
	}
	return errors.Join(errs...)
}

// resources compares all resources with the schemas.
func (r recorded) resources(all map[string]source) error {
	var errs []error
	used := map[string]bool{}
	for name, s := range all {
		for _, b := range s.resources {
			kind := b.Labels[0]
			if strings.HasPrefix(kind, "azuredevops_") {
				continue // Its provider cannot be had: syntax is all that is checked.
			}
			schema, ok := r.Resources[kind]
			if b.Type == "data" {
				schema, ok = r.Data[kind]
			}
			used[kind] = true
			if !ok {
				errs = append(errs, fmt.Errorf("%s: %s is not in schema.json; `make terraform-schema` records it", name, kind))
				continue
			}
			errs = append(errs, schema.check(name+" "+kind+"."+b.Labels[1], b.Body))
		}
	}
	for kind := range r.Resources {
		if !used[kind] {
			errs = append(errs, fmt.Errorf("schema.json has %s, which nothing uses", kind))
		}
	}
	return errors.Join(errs...)
}

func TestEveryArgumentIsOneOfTheProvider(t *testing.T) {
	if err := load(t).resources(sources(t, ".")); err != nil {
		t.Error(err)
	}
}

// Arguments of azurerm 4, and slips: the check has to find each.
func TestArgumentsThatTheProviderRefuses(t *testing.T) {
	r := load(t)
	for name, tt := range map[string]struct{ file, old, new, says string }{
		"a cluster without a provisioning profile": {"modules/cluster/main.tf", "  node_provisioning_profile {\n    mode = \"Manual\"\n  }\n", "", "the block node_provisioning_profile is missing"},
		"a vault that does not say who decides":    {"modules/keyvault/main.tf", "  rbac_authorization_enabled = true\n", "", "the argument rbac_authorization_enabled is missing"},
		"the vault's switch of azurerm 4":          {"modules/keyvault/main.tf", "rbac_authorization_enabled", "enable_rbac_authorization", "there is no argument enable_rbac_authorization"},
		"the parent of azurerm 4":                  {"modules/identities/main.tf", "user_assigned_identity_id =", "parent_id =", "there is no argument parent_id"},
		"a metric block of azurerm 4":              {"modules/keyvault/main.tf", "  enabled_log {", "  metric {", "there is no block metric"},
		"an argument that is misspelt":             {"modules/cluster/main.tf", "only_critical_addons_enabled", "only_critical_addon_enabled", "there is no argument only_critical_addon_enabled"},
		"a computed value that is set":             {"modules/registry/main.tf", "admin_enabled          = false", "login_server = \"x\"", "login_server cannot be set"},
		"a second network profile":                 {"modules/cluster/main.tf", "  auto_scaler_profile {\n    balance_similar_node_groups = true\n    expander                    = \"least-waste\"\n", "  network_profile {\n    network_plugin = \"azure\"\n", "2 blocks network_profile"},
		"a release without a chart":                {"modules/argocd/main.tf", "  chart      = \"argo-cd\"\n", "", "the argument chart is missing"},
		"a value of the helm provider 2":           {"modules/argocd/main.tf", "  atomic      = true\n", "  set {\n    name = \"x\"\n  }\n", "there is no block set"},
		"a state that is misspelt":                 {"root/argocd/main.tf", "  backend = \"azurerm\"", "  backends = \"azurerm\"", "the argument backend is missing"},
		"a resource that is not recorded":          {"modules/network/main.tf", "resource \"azurerm_subnet\" \"endpoints\"", "resource \"azurerm_subnets\" \"endpoints\"", "azurerm_subnets is not in schema.json"},
	} {
		t.Run(name, func(t *testing.T) {
			root := mutated(t, tt.file, tt.old, tt.new)
			if err := r.resources(sources(t, root)); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("want %q: %v", tt.says, err)
			}
		})
	}
}

// mutated is a copy of all files in which one thing is different.
func mutated(t *testing.T, file, old, text string) string {
	t.Helper()
	root := t.TempDir()
	copied(t, ".", root, "modules", "environments", "root", "mocks")
	mutant.Edit(t, filepath.Join(root, file), old, text)
	return root
}

// copied copies directories, with the links in them.
func copied(t *testing.T, from, to string, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.CopyFS(filepath.Join(to, dir), os.DirFS(filepath.Join(from, dir))); err != nil {
			t.Fatal(err)
		}
	}
}
