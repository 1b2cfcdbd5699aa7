//go:build integration && linux

package integration

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A release of this repository, and the promotion that takes it: signed images only.
func TestAReleaseIsPromotedWhereSignaturesAreWanted(t *testing.T) {
	keys := t.TempDir()
	release := filepath.Join(binaries, "release")
	key := filepath.Join(keys, "release.key")
	p := newPlatform(t, func(dir string) {
		if out, errOut, code := (platform{t: t, dir: keys}).run(release, "key", "--out="+key); code != 0 {
			t.Fatalf("exit %d: %s%s", code, out, errOut)
		}
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		environments := filepath.Join(dir, "platform/argocd/environments")
		if err := os.MkdirAll(filepath.Join(environments, "keys"), 0o700); err != nil {
			t.Fatal(err)
		}
		policy := filepath.Join(environments, "dev/promotion.yaml")
		text, err := os.ReadFile(policy)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, "  signatures: {keys: [platform/argocd/environments/keys/release.pub]}\n"...)
		for file, data := range map[string][]byte{filepath.Join(environments, "keys/release.pub"): public, policy: text} {
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	place, dir := newRegistry(t), filepath.Join(t.TempDir(), "release")
	for _, args := range [][]string{
		{"build", "--root=" + repository, "--image=monitor", "--image=ballast", "--arch=" + runtime.GOARCH, "--revision=" + p.revision},
		{"scan", "--scanner=none", "--exceptions=" + filepath.Join(repository, "platform/release/exceptions.yaml")},
		{"sign", "--key=" + key, "--registry=" + place, "--unscanned"},
		{"publish", "--registry=" + place, "--unscanned"},
	} {
		want := 0
		if args[0] == "scan" {
			want = 3 // Without a scanner it is not known to be clean.
		}
		if out, errOut, code := p.run(release, append(args, "--dir="+dir)...); code != want {
			t.Fatalf("%s: exit %d, want %d: %s%s", args[0], code, want, out, errOut)
		}
	}
	line, err := os.ReadFile(filepath.Join(dir, "promote.args"))
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"promote", "--to=dev", "--changes=" + filepath.Join(binaries, "changes")}, strings.Fields(string(line))...)
	out, errOut, code := p.run(filepath.Join(binaries, "ballast"), args...)
	if code != 0 || !strings.Contains(out, "Images are signed with a key of platform/argocd/environments/keys/release.pub.") {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	// Another image, which nobody has signed.
	unsigned := append(args[:len(args)-1], "--image=monitor="+pushed(t, place+"/ballast/monitor"))
	if out, errOut, code := p.run(filepath.Join(binaries, "ballast"), unsigned...); code != 64 || !strings.Contains(errOut, "it is not signed with a key that is asked for") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}
