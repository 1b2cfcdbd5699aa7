package terraform

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// finding is one that trivy has and that is accepted: `make terraform-scan` compares.
type finding struct {
	Check    string `json:"check"`
	Severity string `json:"severity"`
	Says     string `json:"says"`
	File     string `json:"file"`
	Block    string `json:"block"` // like azurerm_key_vault.this
	// Where it was found: what is right for dev can be wrong for prod.
	Environments []string `json:"environments"`
	Accepted     string   `json:"accepted"` // why
}

// same tells whether two findings differ in environments and reasons only.
func (f finding) same(other finding) bool {
	return f.Check == other.Check && f.Says == other.Says && f.File == other.File && f.Block == other.Block
}

func (f finding) String() string {
	return fmt.Sprintf("%s (%s) in %s, %s: %s", f.Check, f.Severity, f.File, f.Block, f.Says)
}

func findings(file string) ([]finding, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []finding
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// merged puts findings of several environments together, in an order that does not change.
func merged(found []finding) []finding {
	var all []finding
	for _, f := range found {
		if i := slices.IndexFunc(all, f.same); i >= 0 {
			all[i].Environments = append(all[i].Environments, f.Environments...)
			continue
		}
		f.Environments = slices.Clone(f.Environments)
		all = append(all, f)
	}
	for i := range all {
		slices.Sort(all[i].Environments)
		all[i].Environments = slices.Compact(all[i].Environments)
	}
	slices.SortFunc(all, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.Check, b.Check), cmp.Compare(a.File, b.File), cmp.Compare(a.Block, b.Block), cmp.Compare(a.Says, b.Says))
	})
	return all
}

// compare says what was found and is not recorded, and what is recorded and was not found.
func compare(accepted, found []finding) error {
	var errs []error
	for _, f := range found {
		i := slices.IndexFunc(accepted, f.same)
		for _, environment := range f.Environments {
			if i < 0 || !slices.Contains(accepted[i].Environments, environment) {
				errs = append(errs, fmt.Errorf("new in %s: %s; mend it, or accept it in findings.json with a reason", environment, f))
			}
		}
		if i >= 0 && accepted[i].Severity != f.Severity {
			errs = append(errs, fmt.Errorf("was %s: %s; `make terraform-scan RECORD=1` records it", accepted[i].Severity, f))
		}
	}
	for _, f := range accepted {
		i := slices.IndexFunc(found, f.same)
		for _, environment := range f.Environments {
			if i < 0 || !slices.Contains(found[i].Environments, environment) {
				errs = append(errs, fmt.Errorf("gone from %s: %s; `make terraform-scan RECORD=1` records that", environment, f))
			}
		}
	}
	return errors.Join(errs...)
}

// explained refuses an accepted finding without a reason, and one in a block that is no more.
func explained(accepted []finding, all map[string]source) error {
	var errs []error
	for _, f := range accepted {
		if len(strings.Fields(f.Accepted)) < 3 {
			errs = append(errs, fmt.Errorf("findings.json: %s has no reason; say in `accepted` why it is right as it is", f))
		}
		if !slices.ContainsFunc(all[path.Dir(f.File)].resources, func(b *hclsyntax.Block) bool { return label(b) == f.Block }) {
			errs = append(errs, fmt.Errorf("findings.json: %s has no %s; `make terraform-scan RECORD=1` records again", f.File, f.Block))
		}
	}
	return errors.Join(errs...)
}

func TestEveryAcceptedFindingHasAReason(t *testing.T) {
	accepted, err := findings("findings.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := explained(accepted, sources(t, ".")); err != nil {
		t.Error(err)
	}
	for name, tt := range map[string]struct {
		change func(*finding)
		says   string
	}{
		"a finding without a reason":          {func(f *finding) { f.Accepted = "" }, "has no reason"},
		"a finding that is accepted, for now": {func(f *finding) { f.Accepted = "for now" }, "has no reason"},
		"a finding in a file that is no more": {func(f *finding) { f.File = "modules/gone/main.tf" }, "modules/gone/main.tf has no"},
		"a finding in another block":          {func(f *finding) { f.Block = "azurerm_gone.this" }, "has no azurerm_gone.this"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := slices.Clone(accepted)
			tt.change(&changed[0])
			if err := explained(changed, sources(t, ".")); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("want %q, got %v", tt.says, err)
			}
		})
	}
}

func TestFindingsAreCompared(t *testing.T) {
	f := finding{Check: "AZU-1", Severity: "LOW", Says: "It is open.", File: "modules/vault/main.tf", Block: "azurerm_key_vault.this", Environments: []string{"dev", "staging"}, Accepted: "It is meant to be."}
	other := f
	other.Check = "AZU-2"
	worse := f
	worse.Severity = "CRITICAL"
	prod := f
	prod.Environments = []string{"dev", "prod", "staging"}
	dev := f
	dev.Environments = []string{"dev"}
	for name, tt := range map[string]struct {
		accepted, found []finding
		says            string
	}{
		"nothing is found":                     {nil, nil, ""},
		"all that is found is accepted":        {[]finding{f, other}, []finding{other, f}, ""},
		"another check fails":                  {[]finding{f}, []finding{f, other}, "new in dev: AZU-2 (LOW)"},
		"an accepted one is in prod as well":   {[]finding{f}, []finding{prod}, "new in prod: AZU-1"},
		"an accepted one is mended":            {[]finding{f}, nil, "gone from dev: AZU-1"},
		"an accepted one is mended in staging": {[]finding{f}, []finding{dev}, "gone from staging: AZU-1"},
		"an accepted one is more severe":       {[]finding{f}, []finding{worse}, "was LOW: AZU-1 (CRITICAL)"},
	} {
		t.Run(name, func(t *testing.T) {
			err := compare(tt.accepted, tt.found)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("want %q, got %v", tt.says, err)
			}
		})
	}
	all := merged([]finding{other, {Check: f.Check, Says: f.Says, File: f.File, Block: f.Block, Environments: []string{"staging"}}, dev, dev})
	if len(all) != 2 || all[0].Check != "AZU-1" || !slices.Equal(all[0].Environments, f.Environments) {
		t.Errorf("merged: %v", all)
	}
}
