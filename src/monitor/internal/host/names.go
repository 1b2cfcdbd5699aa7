package host

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// unescape undoes what the kernel does to names in its tables: a space, tab,
// newline, backslash or # is written as a backslash and three octal digits.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c, ok := octal(s[i:]); ok {
			b.WriteByte(c)
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(s string) (byte, bool) {
	if len(s) < 4 || s[0] != '\\' || s[1] > '3' {
		return 0, false
	}
	n := byte(0)
	for _, c := range []byte(s[1:4]) {
		if c < '0' || c > '7' {
			return 0, false
		}
		n = n<<3 | (c - '0')
	}
	return n, true
}

// clean makes text of a name: names are bytes to the kernel, but text to
// JSON and Prometheus. A byte that is no UTF-8 becomes \xff, as ls shows it,
// so that names which differ stay different.
func clean(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// apart cleans names and keeps those apart that clean makes equal: a name
// can hold the four characters \xff itself. The later one gets "#2".
func apart(raw []string) []string {
	names := make([]string, len(raw))
	seen := make(map[string]string, len(raw)) // name to what it was
	for i, s := range raw {
		name := clean(s)
		for n := 2; ; n++ {
			was, taken := seen[name]
			if !taken || was == s {
				break
			}
			name = fmt.Sprintf("%s#%d", clean(s), n)
		}
		seen[name] = s
		names[i] = name
	}
	return names
}
