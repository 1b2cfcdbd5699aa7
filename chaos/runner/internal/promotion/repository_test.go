package promotion

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The environments of this repository, each with the one before it.
func TestTheRepositorysEnvironmentsTakePromotions(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	before := ""
	for _, environment := range []string{"dev", "staging", "prod"} {
		file := PairFile(environment)
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		pair, err := ReadPair(file, text)
		if err != nil {
			t.Fatal(err)
		}
		if string(pair.Text()) != string(text) {
			t.Errorf("%s is not as it is written:\n%s", file, pair.Text())
		}
		file = PolicyFile(environment)
		if text, err = os.ReadFile(filepath.Join(root, file)); err != nil {
			t.Fatal(err)
		}
		policy, err := ReadPolicy(file, text)
		if err != nil {
			t.Fatal(err)
		}
		if policy.From != before || (policy.Verdicts == nil) != (before == "") {
			t.Errorf("%s takes pairs from %q and asks for verdicts: %t; before it is %q", environment, policy.From, policy.Verdicts != nil, before)
		}
		if !slices.Equal(slices.Sorted(maps.Keys(policy.Images)), slices.Sorted(maps.Keys(pair.Images))) {
			t.Errorf("%s asks for the images %v and has %v", environment, policy.Images, pair.Images)
		}
		if v := policy.Verdicts; v != nil {
			for _, experiment := range v.Experiments {
				if _, err := os.Stat(filepath.Join(root, experiment)); err != nil {
					t.Errorf("%s: %v", environment, err)
				}
			}
		}
		before = environment
	}
}
