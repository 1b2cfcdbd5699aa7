package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keys are the secrets of a cluster's repositories.
type keys struct{ token, webhook string }

// secretsIn makes the secrets in the directory of a cluster, once.
func secretsIn(dir string) (keys, error) {
	token, err := secret(filepath.Join(dir, "git-token"))
	if err != nil {
		return keys{}, err
	}
	webhook, err := secret(filepath.Join(dir, "webhook-secret"))
	return keys{token, webhook}, err
}

func secret(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(rand.Text())
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("secret of the cluster: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
