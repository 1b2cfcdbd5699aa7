package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// filled is what git would send to a server, once it has asked its helpers.
func filled(t *testing.T, dir, url string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "credential", "fill")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader("url="+url+"\n\n")
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=")
	out, _ := cmd.Output() // it fails when no helper knows
	_, password, _ := strings.Cut(string(out), "password=")
	return strings.TrimSpace(password)
}

func TestGitFindsThePasswordOfEachCluster(t *testing.T) {
	dir, c, _ := newCheckout(t)
	const first, second, elsewhere = "http://ballast@127.0.0.1:40123", "http://ballast@127.0.0.1:40124", "http://ballast@127.0.0.1:40125"
	for cluster, at := range map[string]struct{ url, token string }{"sandbox": {first, "one"}, "it": {second, "two"}} {
		if err := c.addCredential(t.Context(), cluster, at.url, keys{token: at.token}); err != nil {
			t.Fatal(err)
		}
	}
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	want := func(where, url, password string) {
		t.Helper()
		if got := filled(t, where, url+pushed); got != password {
			t.Errorf("in %s the password for %s is %q, want %q", where, url, got, password)
		}
	}
	want(dir, first, "one")
	want(below, second, "two")
	want(dir, elsewhere, "")
	want(dir, "http://somebody@127.0.0.1:40123", "")

	inCheckout(t, dir, "-c", "user.name=x", "-c", "user.email=x@x.invalid", "commit", "--quiet", "--allow-empty", "--message=x")
	tree := filepath.Join(t.TempDir(), "tree")
	inCheckout(t, dir, "worktree", "add", "--quiet", tree)
	want(tree, first, "one")

	// The cluster has another port and another password.
	if err := c.addCredential(t.Context(), "sandbox", elsewhere, keys{token: "three"}); err != nil {
		t.Fatal(err)
	}
	want(dir, first, "")
	want(dir, elsewhere, "three")
	want(dir, second, "two")

	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	want(moved, elsewhere, "three")
	c.repository = moved
	if err := c.removeCredential(t.Context(), "sandbox"); err != nil {
		t.Fatal(err)
	}
	want(moved, elsewhere, "")
	want(moved, second, "two")
}

// git also calls helpers to store a password, or to erase one that was wrong.
func TestTheHelperOnlyGives(t *testing.T) {
	file := filepath.Join(t.TempDir(), "it's a \"credential\"")
	write(t, file, "password=x\n")
	for action, want := range map[string]string{"get": "password=x\n", "store": "", "erase": ""} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.TrimPrefix(helper(quoted(file)), "!")+` "$@"`, "sh", action).Output()
		if err != nil || string(out) != want {
			t.Errorf("%s: %q, %v, want %q", action, out, err, want)
		}
	}
}

func TestOnlyTheOwnerOfTheCheckoutReadsThePassword(t *testing.T) {
	dir, c, _ := newCheckout(t)
	file := filepath.Join(dir, ".git", credentials, "sandbox")
	// Somebody's who may not read it, under this name.
	write(t, file, "open")
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	before, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if os.Getuid() == 0 { // as by sudo, in the checkout of somebody else
		out, err := exec.CommandContext(t.Context(), "chown", "-R", "12345:23456", dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Setenv("GIT_CONFIG_COUNT", "1")
		t.Setenv("GIT_CONFIG_KEY_0", "safe.directory")
		t.Setenv("GIT_CONFIG_VALUE_0", "*")
	}
	if err := c.nameRemote(t.Context(), named(t, "sandbox", dir), "http://ballast@127.0.0.1:1", keys{token: "t0ken"}); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0, filepath.Join(dir, ".git", "config"): 0} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode != 0 && info.Mode().Perm() != mode {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || os.Getuid() == 0 && (stat.Uid != 12345 || stat.Gid != 23456) {
			t.Errorf("%s belongs to %d:%d", path, stat.Uid, stat.Gid)
		}
	}
	if text := make([]byte, 100); true {
		n, _ := before.ReadAt(text, 0) // the end of the file
		if strings.Contains(string(text[:n]), "t0ken") {
			t.Error("who had opened the file before reads it")
		}
	}
}

// A checkout may come from somebody else: its links must not lead root astray.
func TestThePasswordIsWrittenIntoTheCheckoutAlone(t *testing.T) {
	dir, c, _ := newCheckout(t)
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(dir, ".git", credentials)); err != nil {
		t.Fatal(err)
	}
	if err := c.addCredential(t.Context(), "sandbox", "http://ballast@127.0.0.1:1", keys{token: "t0ken"}); err == nil {
		t.Error("a link was followed")
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Errorf("written elsewhere: %v, %v", left, err)
	}
}

func TestTheTokenOfAnEarlierVersionIsNotUsedAgain(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "git-token"), "everybody-read-it")
	k, err := secretsIn(dir)
	if err != nil || k.token == "everybody-read-it" || k.token == "" {
		t.Errorf("the token is %q, %v", k.token, err)
	}
	path, err := k.credentialFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, []byte("username=ballast\npassword="+k.token+"\n")) {
		t.Errorf("git gets %q, %v", text, err)
	}
}
