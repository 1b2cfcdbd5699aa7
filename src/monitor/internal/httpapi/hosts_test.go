package httpapi

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhichHostsAreServed(t *testing.T) {
	for name, tc := range map[string]struct {
		allowed []string
		host    string
		want    bool
	}{
		"a request without a Host":                  {nil, "", true},
		"an address":                                {nil, "10.1.2.3", true},
		"an address with a port":                    {nil, "10.1.2.3:8080", true},
		"an address of IPv6":                        {nil, "[::1]:8080", true},
		"an address of IPv6 without a port":         {nil, "[fe80::1]", true},
		"an address of IPv6 with a zone":            {nil, "[fe80::1%eth0]:80", true},
		"localhost":                                 {nil, "localhost", true},
		"localhost in capitals, with port and dot":  {nil, "LocalHost.:8080", true},
		"a name that is allowed":                    {[]string{"Box.Example."}, "box.example:80", true},
		"every name, where the check is off":        {[]string{"*"}, "evil.example", true},
		"a name that is not allowed":                {[]string{"box.example"}, "evil.example", false},
		"a name below one that is allowed":          {[]string{"box.example"}, "a.box.example", false},
		"a name that begins like an allowed one":    {[]string{"box.example"}, "box.example.evil", false},
		"a name that begins like localhost":         {nil, "localhost.evil.example", false},
		"a name that begins like an address":        {nil, "127.0.0.1.evil.example", false},
		"a name that ends like an address":          {nil, "evil.127.0.0.1", false},
		"a number that some take for an address":    {nil, "2130706433", false},
		"an octal number in an address":             {nil, "0177.0.0.1", false},
		"a port alone":                              {nil, ":8080", false},
		"a name with a port that is none":           {nil, "evil.example:localhost", false},
		"an allowed name behind a user":             {nil, "evil@localhost", false},
		"brackets around a name that is not served": {nil, "[evil.example]", false},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := NewHosts(tc.allowed...)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Serves(tc.host); got != tc.want {
				t.Errorf("%q is served: %v, want %v", tc.host, got, tc.want)
			}
		})
	}
	if !(*Hosts)(nil).Serves("anything.example") {
		t.Error("without hosts there is a check")
	}
}

func TestWhatIsNoHostNameIsNamed(t *testing.T) {
	_, err := NewHosts("ok.example", "10.0.0.1", "::1", "", "http://a.example", "b.example:80", "c.example/x", "*.example", "ä.example", strings.Repeat("x", 64))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`""`, `"http://a.example"`, `"b.example:80"`, `"c.example/x"`, `"*.example"`, `"ä.example"`, strings.Repeat("x", 64)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %s: %v", want, err)
		}
	}
	for _, good := range []string{"ok.example", "10.0.0.1", "::1"} {
		if strings.Contains(err.Error(), `"`+good+`"`) {
			t.Errorf("error names %s: %v", good, err)
		}
	}
}

func TestOwnNamesAreShortAndFullyQualified(t *testing.T) {
	for name, tc := range map[string]struct {
		hostname, hosts, resolv string
		want                    []string
	}{
		"a hostname that is qualified":     {"Box.corp.example", "", "search other.example", []string{"box", "box.corp.example"}},
		"a hostname that nothing extends":  {"box", "", "", []string{"box"}},
		"its line in the hosts file":       {"box", "127.0.0.1 localhost\n127.0.1.1 box.corp.example box # me\n", "", []string{"box", "box.corp.example"}},
		"lines of others":                  {"box", "10.0.0.1 other.example other\n10.0.0.2 boxer.example boxer\n127.0.0.1 localhost box\n", "", []string{"box"}},
		"a hosts file that is none":        {"box", "box box.evil.example\n\x00", "", []string{"box"}},
		"the domains that a resolver adds": {"box", "", "nameserver 10.0.0.1\nsearch a.example b.example.\ndomain c.example\n", []string{"box", "box.a.example", "box.b.example", "box.c.example"}},
		"a domain that is the root":        {"box", "", "search .\n", []string{"box"}},
		"no hostname":                      {"", "127.0.0.1 x", "search a.example", nil},
		"a hostname that is no name":       {"my box", "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, OwnNames(tc.hostname, tc.hosts, tc.resolv)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func FuzzHosts(f *testing.F) {
	for _, seed := range [][3]string{{"box", "127.0.0.1 box.example box", "search a"}, {"a.b", "\x00", ";"}, {"[::1]:80", "1", "domain"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, host, hosts, resolv string) {
		own := OwnNames(host, hosts, resolv)
		h, err := NewHosts(own...)
		if err != nil {
			t.Errorf("own names %q are none: %v", own, err)
		}
		if slices.Contains(own, "") || !slices.IsSorted(own) {
			t.Errorf("own names %q", own)
		}
		for _, name := range own {
			if !h.Serves(name) || !h.Serves(name+":80") || !h.Serves(strings.ToUpper(name)+".") {
				t.Errorf("own name %q is not served", name)
			}
		}
		if closed, _ := NewHosts(); closed.Serves(host) && host != "" {
			if n := canonicalName(withoutPort(host)); n != "localhost" && !isAddress(withoutPort(host)) {
				t.Errorf("%q is served", host)
			}
		}
	})
}
