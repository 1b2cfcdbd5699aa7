package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ballast-sre/ballast/platform/cluster/internal/secret"
)

// keys are the secrets of a cluster's repositories.
type keys struct{ token, webhook string }

// secretsIn makes the secrets in the directory of a cluster, once. Earlier versions
// kept a token in the file git-token and wrote it into .git/config, where everybody
// could read it: it is not used again.
func secretsIn(dir string) (keys, error) {
	token, err := secret.In(filepath.Join(dir, "push-token"))
	if err != nil {
		return keys{}, err
	}
	webhook, err := secret.In(filepath.Join(dir, "webhook-secret"))
	return keys{token, webhook}, err
}

// credential is the answer of a credential helper of git.
func (k keys) credential() []byte {
	return fmt.Appendf(nil, "username=%s\npassword=%s\n", pusher, k.token)
}

// credentialFile writes the credential into the directory of a cluster, for git that
// runs outside of a checkout that knows the cluster. It returns its path.
func (k keys) credentialFile(dir string) (string, error) {
	path := filepath.Join(dir, "push-credential")
	if err := os.WriteFile(path, k.credential(), 0o600); err != nil {
		return "", fmt.Errorf("credential of the cluster: %w", err)
	}
	return path, nil
}

// helper is a credential helper of git that gives what a file holds, and that neither
// stores nor erases anything. file is an expression of the shell: the secret is in no
// process's arguments.
func helper(file string) string {
	return `!f() { test "$1" != get || cat ` + file + `; }; f`
}

// quoted is a text as one word of the shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
