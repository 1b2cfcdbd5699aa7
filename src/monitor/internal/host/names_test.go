package host

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestUnescapeUndoesWhatTheKernelDoes(t *testing.T) {
	for in, want := range map[string]string{
		"/mnt":                `/mnt`,
		`//foo/BLA\040BLA`:    `//foo/BLA BLA`,
		`/a\011b\012c\134d`:   "/a\tb\nc\\d",
		`/a\043b`:             `/a#b`,
		`/a"b'c`:              `/a"b'c`,
		`/back\134slash\1340`: `/back\slash\0`,
		`/odd\9`:              `/odd\9`,
		`/short\04`:           `/short\04`,
		`/no\800octal\400`:    `/no\800octal\400`,
		"/invalid\xff":        "/invalid\xff",
	} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNamesThatDifferStayApart(t *testing.T) {
	raw := []string{"/a\xff", "/a\xfe", `/a\xff`, "/a\xff", "/ä", "/a\uFFFD"}
	want := []string{`/a\xff`, `/a\xfe`, `/a\xff#2`, `/a\xff`, "/ä", "/a\uFFFD"}
	if d := cmp.Diff(want, apart(raw)); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
}

func FuzzNames(f *testing.F) {
	f.Add(`/a\040b`, "/a\xff")
	f.Add(`\`, `\x`)
	f.Fuzz(func(t *testing.T, a, b string) {
		got := apart([]string{unescape(a), unescape(b)})
		if same := unescape(a) == unescape(b); same != (got[0] == got[1]) {
			t.Errorf("%q and %q became %q", a, b, got)
		}
		for _, name := range got {
			if !utf8.ValidString(name) {
				t.Errorf("%q is no text", name)
			}
		}
	})
}
