package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestAPersonConfirmsAClusterByItsName(t *testing.T) {
	for name, tc := range map[string]struct {
		typed string
		meant bool
		fails bool
	}{
		"the name":             {"prod\n", true, false},
		"the name, no newline": {"prod", true, false},
		"yes is not a name":    {"yes\n", false, false},
		"another name":         {"staging\n", false, false},
		"only return":          {"\n", false, false},
		"nobody is there":      {"", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var asked bytes.Buffer
			s := streams{in: strings.NewReader(tc.typed), err: &asked}
			meant, err := s.confirmContext("prod", "https://there:6443")
			if meant != tc.meant || (err != nil) != tc.fails {
				t.Errorf("meant %t, %v", meant, err)
			}
			if !strings.Contains(asked.String(), "context prod at https://there:6443") {
				t.Errorf("it asked %q", asked.String())
			}
		})
	}
}
