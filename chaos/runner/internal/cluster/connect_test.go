package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const twoContexts = `apiVersion: v1
kind: Config
clusters:
- {name: here, cluster: {server: "https://127.0.0.1:1"}}
- {name: there, cluster: {server: "https://127.0.0.1:2"}}
contexts:
- {name: sandbox, context: {cluster: here, user: me}}
- {name: prod, context: {cluster: there, user: me}}
users:
- {name: me, user: {token: secret}}
`

func TestAClusterIsNeverGuessed(t *testing.T) {
	yes := func(string, string) (bool, error) { return true, nil }
	no := func(string, string) (bool, error) { return false, nil }
	current := twoContexts + "current-context: prod\n"
	for name, tc := range map[string]struct {
		config  string
		context string
		confirm func(string, string) (bool, error)
		server  string // empty: it fails
		err     error
		says    string
	}{
		"a context that is named":                   {current, "sandbox", nil, "https://127.0.0.1:1", nil, ""},
		"the current one, which nobody can confirm": {current, "", nil, "", ErrUnnamed, "--context prod if https://127.0.0.1:2"},
		"the current one, confirmed":                {current, "", yes, "https://127.0.0.1:2", nil, ""},
		"the current one, not confirmed":            {current, "", no, "", ErrUnnamed, "prod was not confirmed"},
		"no current one":                            {twoContexts, "", yes, "", ErrUnnamed, "one of prod, sandbox"},
		"a name that the file does not have":        {current, "prd", yes, "", ErrNoContext, "it has prod, sandbox"},
		"a file without contexts":                   {"apiVersion: v1\nkind: Config\n", "prod", yes, "", ErrUnnamed, "no kubeconfig with a context"},
		"an invalid file":                           {"{", "prod", yes, "", nil, "kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(file, []byte(tc.config), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Connect(Named{Kubeconfig: file, Context: tc.context, Confirm: tc.confirm})
			if tc.server != "" {
				if err != nil || c.Server != tc.server {
					t.Errorf("%+v, %v", c, err)
				}
				return
			}
			if err == nil || tc.err != nil && !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v", err)
			}
		})
	}
}
