package result

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Sum returns the digest of what the run was judged by.
func (r Run) Sum() (string, error) {
	data, err := json.Marshal(struct {
		Spec     Spec
		Evidence Evidence
	}{r.Spec, r.Evidence})
	if err != nil {
		return "", fmt.Errorf("digest the evidence of %s: %w", r.Name, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
