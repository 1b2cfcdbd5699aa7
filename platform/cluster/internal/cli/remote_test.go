package cli

import (
	"bytes"
	"os"
	"os/exec"
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

func TestTheCheckoutKnowsAClusterAsLongAsThereIsOne(t *testing.T) {
	const (
		url   = "http://ballast:t0ken@127.0.0.1:40123"
		other = "https://example.com/somebody/local.git"
	)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	for name, tt := range map[string]struct {
		cluster, before string // the remote's URL, empty for none
		remote          string // its name
		during          string
		says            string
		after           string
	}{
		"the one that everybody has":            {"sandbox", "", "local", url + "/ballast.git", "to deploy: git push local HEAD:main", ""},
		"another one":                           {"two", "", "local-two", url + "/ballast.git", "to deploy: git push local-two HEAD:main", ""},
		"one that had another port before":      {"sandbox", "http://ballast:0ld@127.0.0.1:1/ballast.git", "local", url + "/ballast.git", "to deploy: git push local HEAD:main", ""},
		"one whose name is taken by its user's": {"sandbox", other, "local", other, `git push "$(bin/cluster remote --name=sandbox)" HEAD:main (the remote local is something else)`, other},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			git := func(args ...string) string {
				t.Helper()
				out, _ := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).Output() // a remote may not be there
				return strings.TrimSpace(string(out))
			}
			git("init", "--quiet")
			if tt.before != "" {
				git("remote", "add", tt.remote, tt.before)
			}
			var told bytes.Buffer
			c := &command{repository: dir, err: &told}
			n, err := source.New(tt.cluster, dir, t.Logf)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.nameRemote(t.Context(), n, url); err != nil {
				t.Fatal(err)
			}
			if got := git("remote", "get-url", tt.remote); got != tt.during {
				t.Errorf("%s is %q, want %q", tt.remote, got, tt.during)
			}
			if !strings.Contains(told.String(), tt.says) || strings.Contains(told.String(), "t0ken") {
				t.Errorf("told %q, want %q", told.String(), tt.says)
			}
			for range 2 {
				if err := c.forgetRemote(t.Context(), n); err != nil {
					t.Fatal(err)
				}
			}
			if got := git("remote", "get-url", tt.remote); got != tt.after {
				t.Errorf("afterwards %s is %q, want %q", tt.remote, got, tt.after)
			}
		})
	}
}

func TestACheckoutThatIsNone(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", dir)
	c := &command{repository: dir, err: &bytes.Buffer{}}
	n, err := source.New("sandbox", dir, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.forgetRemote(t.Context(), n); err != nil {
		t.Errorf("there is nothing to forget: %v", err)
	}
	err = c.nameRemote(t.Context(), n, "http://ballast:t0ken@127.0.0.1:1")
	if err == nil || strings.Contains(err.Error(), "t0ken") || !strings.Contains(err.Error(), "name the remote local: ") {
		t.Errorf("nobody could push from here: %v", err)
	}
}
