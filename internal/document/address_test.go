package document

import "testing"

func TestWebAddress(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com/runbooks":     true,
		"http://example.com":               true,
		"":                                 false,
		"runbooks/x.md":                    false,
		"example.com/runbooks":             false,
		"https:///runbooks":                false,
		"ftp://example.com":                false,
		"https://example.com/%zz":          false,
		"javascript:alert(document.title)": false,
	} {
		if got := WebAddress(text); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
}
