package git

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhereModulesAreFetchedFrom(t *testing.T) {
	const own = "file:///go/pkg/mod/cache/download,"
	for goproxy, want := range map[string]string{
		"https://proxy.golang.org,direct":                                own + "https://proxy.golang.org,off",
		"https://a.test|https://b.test":                                  own + "https://a.test,https://b.test,off",
		"https://me:s3cret@private.test,https://proxy.golang.org,direct": own + "https://proxy.golang.org,off",
		"https://t0ken@private.test":                                     own + "off",
		"me:s3cret@private.test":                                         own + "off",
		"direct":                                                         own + "off",
		"off":                                                            own + "off",
		"":                                                               own + "off",
	} {
		if got := (toolchain{GOMODCACHE: "/go/pkg/mod", GOPROXY: goproxy}).proxies(); got != want {
			t.Errorf("with GOPROXY=%s from %s, want %s", goproxy, got, want)
		}
	}
}

func TestWhatABuildIsTold(t *testing.T) {
	for name, value := range map[string]string{
		"HTTP_PROXY": "http://proxy.test:3128", "HTTPS_PROXY": "http://me:s3cret@proxy.test:3128", "https_proxy": "me:s3cret@proxy.test:3128",
		"NO_PROXY": "me@home,127.0.0.1", "AWS_SECRET_ACCESS_KEY": "s3cret", "GOFLAGS": "-toolexec=/s3cret", "GITHUB_TOKEN": "s3cret",
	} {
		t.Setenv(name, value)
	}
	machine := toolchain{GOROOT: "/go", GOMODCACHE: "/modules", GOPROXY: "https://me:s3cret@private.test"}
	env := machine.environment("/modules", "/cache", "/home", "/tmp")
	for how, added := range map[string][]string{"online": machine.online(), "offline": machine.offline()} {
		all := slices.Concat(env, added)
		seen := map[string]string{}
		for _, variable := range all {
			name, value, _ := strings.Cut(variable, "=")
			if _, twice := seen[name]; twice {
				t.Errorf("%s: %s is there twice", how, name)
			}
			seen[name] = value
		}
		if strings.Contains(strings.Join(all, " "), "s3cret") {
			t.Errorf("%s it gets a secret: %q", how, all)
		}
		if seen["PATH"] != "/go/bin" || seen["GOENV"] != "off" || seen["CGO_ENABLED"] != "0" {
			t.Errorf("%s: %q", how, all)
		}
		if how == "online" && (seen["HTTP_PROXY"] != "http://proxy.test:3128" || seen["NO_PROXY"] != "me@home,127.0.0.1") {
			t.Errorf("online it finds no way out: %q", all)
		}
		if how == "offline" && seen["GOPROXY"] != "off" {
			t.Errorf("offline: %q", all)
		}
	}
}

func TestTheToolchainIsTheMachinesWhateverWasPushed(t *testing.T) {
	first, err := findToolchain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.program()); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n\ngo 1.26\n\ntoolchain go1.999.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if second, err := findToolchain(t.Context()); err != nil || second != first {
		t.Errorf("%+v became %+v, %v", first, second, err)
	}
	t.Setenv("PATH", dir)
	if _, err := findToolchain(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "go env: ") {
		t.Errorf("without Go: %v", err)
	}
}

func TestOnlyTheBeginningOfWhatABuildWritesIsKept(t *testing.T) {
	var out limited
	line := strings.Repeat("x", 1000)
	for range mostOutput/1000 + 10 {
		if n, err := out.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := out.String(); len(got) > mostOutput+100 || !strings.HasSuffix(got, "… and more, which is not shown\n") {
		t.Errorf("%d bytes, which end in %q", len(got), got[len(got)-40:])
	}
	var short limited
	if _, err := short.Write([]byte("short")); err != nil || short.String() != "short" {
		t.Errorf("%q, %v", short.String(), err)
	}
}
