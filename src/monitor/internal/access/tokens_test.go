package access

import (
	"strings"
	"testing"
)

func TestTokensAreOneALine(t *testing.T) {
	got, err := parseTokens([]byte("# of the scraper\n\n  abcdefghijklmnop \r\n0123456789abcdef0123"))
	if err != nil || got.count() != 2 {
		t.Fatalf("%d tokens, %v", got.count(), err)
	}
	for token, want := range map[string]bool{
		"abcdefghijklmnop": true, "0123456789abcdef0123": true,
		"": false, "abcdefghijklmno": false, "abcdefghijklmnopq": false, "# of the scraper": false,
	} {
		if got.have(token) != want {
			t.Errorf("%q is a token: %v, want %v", token, !want, want)
		}
	}
}

func TestTokensThatAreNoneAreNamedByTheirLine(t *testing.T) {
	for name, tc := range map[string]struct{ content, want string }{
		"an empty file":             {"", "there is no token"},
		"comments only":             {"# x\n\n", "there is no token"},
		"one that can be guessed":   {"abcdefghijklmnop\nsecret\n", "line 2: the token has fewer than 16"},
		"two on a line":             {"abcdefghijklmnop qrstuvwxyzabcdefg\n", "line 1: a token has letters"},
		"letters beyond ASCII":      {"äbcdefghijklmnopq\n", "line 1: a token has letters"},
		"more than can be compared": {strings.Repeat("abcdefghijklmnop\n", maxTokens+1), "101 tokens"},
	} {
		if _, err := parseTokens([]byte(tc.content)); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("abcdefghijklmnop\n", "abcdefghijklmnop")
	f.Add("#\r\n\x00", "")
	f.Fuzz(func(t *testing.T, content, token string) {
		got, err := parseTokens([]byte(content))
		if err != nil {
			return
		}
		if got.count() == 0 || got.count() > maxTokens {
			t.Errorf("%d tokens of %q", got.count(), content)
		}
		if got.have(token) && (len(token) < minToken || !strings.Contains(content, token)) {
			t.Errorf("%q is a token of %q", token, content)
		}
	})
}
