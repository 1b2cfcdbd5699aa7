package terraform

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// scanner skips a test on machines without trivy: `make terraform-scan` builds it.
func scanner(t *testing.T) func(t *testing.T, root string) []finding {
	t.Helper()
	trivy := os.Getenv("BALLAST_TRIVY")
	if trivy == "" {
		t.Skip("make terraform-scan builds trivy and runs this")
	}
	return func(t *testing.T, root string) []finding {
		t.Helper()
		all := sources(t, root)
		dir := t.TempDir()
		for name := range all {
			flat(t, filepath.Join(root, name), filepath.Join(dir, name))
		}
		// The checks are those in the program: its cache is empty, and it downloads none.
		cmd := exec.CommandContext(t.Context(), trivy, "config", "--skip-check-update", "--skip-version-check", "--disable-telemetry",
			"--cache-dir", t.TempDir(), "--misconfig-scanners", "terraform", "--format", "json", ".")
		cmd.Dir = dir
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("trivy: %v\n%s", err, stderr.String())
		}
		found, err := parsed(out, all)
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		return found
	}
}

// flat copies the sources of a module. Trivy does not follow links, so it would not see the
// variables of the environments; and values of somebody's own are no part of them.
func flat(t *testing.T, from, to string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, "*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// label is the address of a resource in its module.
func label(b *hclsyntax.Block) string { return strings.Join(b.Labels, ".") }

// parsed reads trivy's findings. Lines become the blocks that they are in: lines change more
// often.
func parsed(report []byte, all map[string]source) ([]finding, error) {
	var r struct {
		Results []struct {
			Target            string
			Misconfigurations []struct {
				ID, Severity, Message string
				CauseMetadata         struct {
					StartLine   int
					Occurrences []struct{ Filename string }
				}
			}
		}
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return nil, err
	}
	var found []finding
	scanned := map[string]bool{}
	for _, result := range r.Results {
		scanned[result.Target] = true
		for _, m := range result.Misconfigurations {
			f := finding{Check: m.ID, Severity: m.Severity, Says: m.Message, File: result.Target}
			line := m.CauseMetadata.StartLine
			i := slices.IndexFunc(all[path.Dir(f.File)].resources, func(b *hclsyntax.Block) bool {
				return b.TypeRange.Filename == path.Join(all[path.Dir(f.File)].dir, path.Base(f.File)) && b.Range().Start.Line <= line && line <= b.Body.EndRange.End.Line
			})
			if i < 0 {
				return nil, fmt.Errorf("%s: no resource is in line %d of %s", m.ID, line, f.File)
			}
			f.Block = label(all[path.Dir(f.File)].resources[i])
			// The last one is the call in the environment.
			outermost := f.File
			if o := m.CauseMetadata.Occurrences; len(o) > 0 {
				outermost = o[len(o)-1].Filename
			}
			f.Environments = []string{path.Base(path.Dir(outermost))}
			found = append(found, f)
		}
	}
	for name := range all {
		if strings.HasPrefix(name, "environments/") && !scanned[name] {
			return nil, fmt.Errorf("trivy did not scan %s", name)
		}
	}
	return merged(found), nil
}

func TestTheScanFindsWhatIsAccepted(t *testing.T) {
	found := scanner(t)(t, ".")
	accepted, err := findings("findings.json")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("BALLAST_RECORD") == "" {
		if err := compare(accepted, found); err != nil {
			t.Error(err)
		}
		return
	}
	// Reasons are kept; the reason of a new finding is for a person to write.
	for i, f := range found {
		if j := slices.IndexFunc(accepted, f.same); j >= 0 {
			found[i].Accepted = accepted[j].Accepted
		}
	}
	out, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("findings.json", append(out, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := explained(found, sources(t, ".")); err != nil {
		t.Error(err)
	}
}

// Each mutant makes something worse or better, and the comparison has to say so.
func TestTheScanFindsMistakes(t *testing.T) {
	scan := scanner(t)
	accepted, err := findings("findings.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ file, old, new, says string }{
		"a public API server in prod":     {"environments/prod/main.tf", "private                 = true", "private                 = false", "new in prod: AZU-0065"},
		"a cluster without policies":      {"modules/cluster/main.tf", "azure_policy_enabled              = true", "azure_policy_enabled              = false", "new in prod: AZU-0066"},
		"pods that reach each other":      {"modules/cluster/main.tf", "    network_policy      = \"cilium\"\n", "", "new in dev: AZU-0043"},
		"a vault that can be purged":      {"modules/keyvault/main.tf", "purge_protection_enabled   = true", "purge_protection_enabled   = false", "new in shared: AZU-0016"},
		"a private API server in staging": {"environments/staging/main.tf", "private                 = false", "private                 = true", "gone from staging: AZU-0065"},
		"a vault for some addresses":      {"environments/shared/main.tf", "= var.key_vault_allowed_ip_ranges", `= ["192.0.2.0/24"]`, "gone from shared: AZU-0013"},
	} {
		t.Run(name, func(t *testing.T) {
			err := compare(accepted, scan(t, mutated(t, tt.file, tt.old, tt.new)))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("want %q, got %v", tt.says, err)
			}
		})
	}
}
