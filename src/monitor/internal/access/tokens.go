package access

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
)

const (
	// minToken is how many characters a token has at least: what a person
	// makes up can be guessed.
	minToken = 16
	// maxTokens bounds what is compared at each request.
	maxTokens = 100
)

// tokens are known by their hashes, so that comparing takes as long for a
// token that is nearly right as for any other.
type tokens struct{ hashes [][sha256.Size]byte }

// readTokens reads a file of tokens.
func readTokens(path string) (*tokens, error) {
	content, err := read(path)
	if err != nil {
		return nil, err
	}
	return parseTokens(content)
}

// parseTokens reads one token a line. Empty lines and those that begin with #
// are left out. It names every line that is wrong, and shows none.
func parseTokens(content []byte) (*tokens, error) {
	var (
		t    tokens
		errs []error
	)
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, maxFile+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#':
		case strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }):
			errs = append(errs, fmt.Errorf("line %d: a token has letters, digits and signs of ASCII only, and no space", n))
		case len(line) < minToken:
			errs = append(errs, fmt.Errorf("line %d: the token has fewer than %d characters; make one by: openssl rand -hex 32", n, minToken))
		default:
			t.hashes = append(t.hashes, sha256.Sum256([]byte(line)))
		}
	}
	errs = append(errs, lines.Err())
	switch {
	case len(t.hashes) == 0 && errors.Join(errs...) == nil:
		errs = append(errs, errors.New("there is no token; write one a line"))
	case len(t.hashes) > maxTokens:
		errs = append(errs, fmt.Errorf("there are %d tokens; at most %d", len(t.hashes), maxTokens))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &t, nil
}

// have says whether it is one of the tokens.
func (t *tokens) have(token string) bool {
	hash, found := sha256.Sum256([]byte(token)), 0
	for _, h := range t.hashes {
		found |= subtle.ConstantTimeCompare(h[:], hash[:])
	}
	return found == 1
}

func (t *tokens) count() int {
	if t == nil {
		return 0
	}
	return len(t.hashes)
}
