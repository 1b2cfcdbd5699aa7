package fault

import (
	"os"
	"regexp"
	"testing"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
)

// The schema must be that of the types: `make crd-schema` writes it again.
func TestSchemaIsOfThePinnedVersionAndOfEveryKind(t *testing.T) {
	pinned := regexp.MustCompile(`chaos-mesh/chaos-mesh/api (v\S+)`)
	versions := map[string]bool{}
	for _, path := range []string{"../../../../go.mod", "../../../../tools/crd-schema/go.mod"} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m := pinned.FindSubmatch(content)
		if m == nil {
			t.Fatalf("%s does not pin the API", path)
		}
		versions[string(m[1])] = true
	}
	if len(versions) != 1 {
		t.Errorf("the schema is of another version than the types: %v", versions)
	}
	all, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	for kind := range v1alpha1.AllKinds() {
		if all[kind] == nil {
			t.Errorf("%s has no schema", kind)
		}
	}
}
