package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The image of this repository, by the program that builds it, for this machine.
func TestAnImageOfThisRepositoryIsBuilt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "release")
	if code, _, stderr := call("build", "--dir="+dir, "--root=../..", "--image=monitor", "--arch="+runtime.GOARCH, "--revision="+aRevision); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	r, _, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(billFile(dir, "monitor", runtime.GOARCH))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"pkg:golang/github.com/gin-gonic/gin@v", "pkg:golang/stdlib@1.", r.Images["monitor"].Platforms[runtime.GOARCH].Digest} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in the bill of materials", want)
		}
	}
	if files := strangers(text); len(files) > 0 {
		t.Errorf("the image holds %v", files)
	}
}

func TestCommandLinesThatAreRefused(t *testing.T) {
	empty := t.TempDir()
	occupied := t.TempDir()
	if err := os.WriteFile(filepath.Join(occupied, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for title, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"without a step":                   {nil, exitUsage, "name a step"},
		"a step that there is not":         {[]string{"bless"}, exitUsage, `unknown step "bless"; the steps are build, scan`},
		"a flag that there is not":         {[]string{"scan", "--fast"}, exitUsage, "unknown flag: --fast"},
		"an argument too many":             {[]string{"scan", "monitor"}, exitUsage, `unexpected argument "monitor"; this step takes flags only`},
		"building nothing":                 {[]string{"build"}, exitUsage, "--image is missing"},
		"signing with nothing":             {[]string{"sign"}, exitUsage, "--key is missing"},
		"publishing nowhere":               {[]string{"publish"}, exitUsage, "--registry is missing"},
		"building over somebody's files":   {[]string{"build", "--image=monitor", "--revision=x", "--dir=" + occupied}, exitUsage, "holds files, but no release; name another directory"},
		"a vault that is none":             {[]string{"key", "--public-of=azurekms://evil.example/key"}, exitUsage, "want azurekms://VAULT.vault.azure.net/KEY"},
		"a registry for everybody":         {[]string{"registry", "--listen=0.0.0.0:5000"}, exitUsage, "want a loopback address like 127.0.0.1:5000"},
		"scanning what was not built":      {[]string{"scan", "--dir=" + empty}, exitInvalid, "build first"},
		"a pull request without its file":  {[]string{"pull-request"}, exitUsage, "--of is missing"},
		"exceptions that are not there":    {[]string{"scan", "--dir=" + stored(t), "--exceptions=" + filepath.Join(empty, "none")}, exitInvalid, "no such file"},
		"a pull request of no file":        {[]string{"pull-request", "--of=" + filepath.Join(empty, "none")}, exitUsage, "--of: "},
		"neither a new key nor an old one": {[]string{"key"}, exitUsage, "give --out"},
	} {
		t.Run(title, func(t *testing.T) {
			code, out, stderr := call(tt.args...)
			if code != tt.code || !strings.Contains(stderr, tt.says) || out != "" {
				t.Errorf("exit %d, want %d and %q: %s%s", code, tt.code, tt.says, out, stderr)
			}
		})
	}
}

func TestTheRegistryForTryingEndsInOrder(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l) }()
	key := newKeyFile(t)
	released(t, stored(t), key, l.Addr().String())
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
