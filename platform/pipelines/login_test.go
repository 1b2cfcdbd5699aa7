package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The token stays with its owner, and without one nothing says that it is there.
func TestTheLoginToPrometheusLeavesATokenForOneUser(t *testing.T) {
	for name, tt := range map[string]struct {
		az string
		ok bool
	}{
		"a token":    {"[ \"$*\" = 'account get-access-token --scope https://prometheus.monitor.azure.com/.default --query accessToken --output tsv' ] && echo secret", true},
		"a refusal":  {"echo 'Please run az login' >&2; exit 1", false},
		"an old one": {"exit 1", false},
	} {
		t.Run(name, func(t *testing.T) {
			out, bin := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(bin, "az"), []byte("#!/bin/sh\n"+tt.az+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			config := filepath.Join(out, "prometheus/http.yaml")
			if name == "an old one" {
				if err := os.Mkdir(filepath.Dir(config), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(config, []byte("authorization: {credentials_file: token}\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "make", "--silent", "prometheus-login", "OUT="+out)
			cmd.Dir, cmd.Env = "../..", append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
			said, err := cmd.CombinedOutput()
			if (err == nil) != tt.ok || strings.Contains(string(said), "secret") {
				t.Fatalf("%v: %s", err, said)
			}
			text, err := os.ReadFile(config)
			if !tt.ok {
				if err == nil {
					t.Errorf("without a token there is %s", text)
				}
				return
			}
			if err != nil || string(text) != "authorization: {credentials_file: token}\n" {
				t.Errorf("%q, %v", text, err)
			}
			token := filepath.Join(out, "prometheus/token")
			text, err = os.ReadFile(token)
			if err != nil || strings.TrimSpace(string(text)) != "secret" {
				t.Errorf("%q, %v", text, err)
			}
			info, err := os.Stat(token)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("others may read the token: %v", info.Mode())
			}
		})
	}
}
