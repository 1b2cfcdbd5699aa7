package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/platform/cluster/source"
)

func TestWhatLeadsToACluster(t *testing.T) {
	for remote, want := range map[string]bool{
		"http://ballast:t0ken@127.0.0.1:40123/ballast.git": true,
		"http://ballast@127.0.0.1:1/ballast.git":           true,
		"http://127.0.0.1:40123/ballast.git":               false,
		"http://dev:t0ken@127.0.0.1:40123/ballast.git":     false,
		"http://ballast:t0ken@10.0.0.1:40123/ballast.git":  false,
		"http://ballast:t0ken@127.0.0.1:40123/deploy.git":  false,
		"git@127.0.0.1:ballast.git":                        false,
		"/srv/ballast.git":                                 false,
		"":                                                 false,
		"http://%":                                         false,
	} {
		if got := ofACluster(remote); got != want {
			t.Errorf("%q: %t, want %t", remote, got, want)
		}
	}
}

// inCheckout runs git as a person does, and returns what it wrote; a remote may not be
// there.
func inCheckout(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).Output()
	return strings.TrimSpace(string(out))
}

// newCheckout is an empty one, and a command in it, whose reports are kept. The settings
// of who runs the test are not part of it.
func newCheckout(t *testing.T) (dir string, c *command, told *bytes.Buffer) {
	t.Helper()
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	dir, told = t.TempDir(), &bytes.Buffer{}
	inCheckout(t, dir, "init", "--quiet", "--initial-branch=main")
	return dir, &command{repository: dir, err: told}, told
}

func named(t *testing.T, cluster, dir string) machine {
	t.Helper()
	n, err := source.New(cluster, dir, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheCheckoutKnowsAClusterAsLongAsThereIsOne(t *testing.T) {
	const (
		url   = "http://ballast@127.0.0.1:40123"
		other = "https://example.com/somebody/local.git"
	)
	k := keys{token: "t0ken"}
	for name, tt := range map[string]struct {
		cluster, before string // the remote's URL, empty for none
		remote          string // its name
		during          string
		says            string
		after           string
	}{
		"the one that everybody has":                 {"sandbox", "", "local", url + "/ballast.git", "to deploy: git push local HEAD:main", ""},
		"another one":                                {"two", "", "local-two", url + "/ballast.git", "to deploy: git push local-two HEAD:main", ""},
		"one that had another port before":           {"sandbox", "http://ballast@127.0.0.1:1/ballast.git", "local", url + "/ballast.git", "to deploy: git push local HEAD:main", ""},
		"one of an earlier version, with a password": {"sandbox", "http://ballast:0ld@127.0.0.1:1/ballast.git", "local", url + "/ballast.git", "to deploy: git push local HEAD:main", ""},
		"one whose name is taken by its user's":      {"sandbox", other, "local", other, `git push "$(bin/cluster remote --name=sandbox)" HEAD:main (the remote local is something else)`, other},
	} {
		t.Run(name, func(t *testing.T) {
			dir, c, told := newCheckout(t)
			if tt.before != "" {
				inCheckout(t, dir, "remote", "add", tt.remote, tt.before)
			}
			// What was there before is there afterwards, but for a remote of ours.
			inCheckout(t, dir, "config", "credential.helper", "mine")
			inCheckout(t, dir, "config", "credential.https://example.com.helper", "mine-too")
			before := read(t, filepath.Join(dir, ".git", "config"))
			n := named(t, tt.cluster, dir)
			for range 2 { // `up` may be repeated
				if err := c.nameRemote(t.Context(), n, url, k); err != nil {
					t.Fatal(err)
				}
			}
			if got := inCheckout(t, dir, "remote", "get-url", tt.remote); got != tt.during {
				t.Errorf("%s is %q, want %q", tt.remote, got, tt.during)
			}
			if !strings.Contains(told.String(), tt.says) || strings.Contains(told.String(), "t0ken") {
				t.Errorf("told %q, want %q", told.String(), tt.says)
			}
			config := read(t, filepath.Join(dir, ".git", "config"))
			if strings.Contains(config, "t0ken") || strings.Contains(config, "0ld") {
				t.Errorf("everybody reads the password in\n%s", config)
			}
			if n := strings.Count(config, "helper = \n"); n != 1 {
				t.Errorf("the helpers before are put aside %d times in\n%s", n, config)
			}
			for range 2 {
				if err := c.forgetRemote(t.Context(), n); err != nil {
					t.Fatal(err)
				}
			}
			if got := inCheckout(t, dir, "remote", "get-url", tt.remote); got != tt.after {
				t.Errorf("afterwards %s is %q, want %q", tt.remote, got, tt.after)
			}
			if tt.before == "" || tt.before == tt.after {
				if after := read(t, filepath.Join(dir, ".git", "config")); after != before {
					t.Errorf("the configuration was\n%s\nand is\n%s", before, after)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, ".git", credentials)); !os.IsNotExist(err) {
				t.Errorf("the password is still there: %v", err)
			}
		})
	}
}

func TestACheckoutThatIsNone(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	c := &command{repository: dir, err: &bytes.Buffer{}}
	n := named(t, "sandbox", dir)
	if err := c.forgetRemote(t.Context(), n); err != nil {
		t.Errorf("there is nothing to forget: %v", err)
	}
	err := c.nameRemote(t.Context(), n, "http://ballast@127.0.0.1:1", keys{token: "t0ken"})
	if err == nil || strings.Contains(err.Error(), "t0ken") || !strings.Contains(err.Error(), "not a git repository") {
		t.Errorf("nobody could push from here: %v", err)
	}
}
