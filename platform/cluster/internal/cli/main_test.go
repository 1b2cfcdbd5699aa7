package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/platform/cluster/git"
	"github.com/ballast-sre/ballast/platform/cluster/internal/sandbox"
	"github.com/ballast-sre/ballast/platform/cluster/kind"
	"github.com/ballast-sre/ballast/platform/cluster/source"
)

// cluster runs the command line as a person does.
func cluster(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var out, err bytes.Buffer
	code = Main(args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestCommandLinesThatAreRefused(t *testing.T) {
	empty := t.TempDir()
	// Whatever would be let through by mistake finds no repository, and does nothing.
	nowhere := "--repository=" + filepath.Join(empty, "absent")
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a command that there is not":                       {[]string{"upp"}, exitUsage, `unknown command "upp"`},
		"a flag that there is not":                          {[]string{"--nope"}, exitUsage, "unknown flag: --nope"},
		"a flag that the command has not":                   {[]string{"status", "--environment=x"}, exitUsage, "unknown flag: --environment"},
		"a flag without its value":                          {[]string{"status", "--name"}, exitUsage, "flag needs an argument: --name"},
		"up with an argument":                               {[]string{"up", "sandbox", nowhere}, exitUsage, "see `cluster up --help`"},
		"down with an argument":                             {[]string{"down", "sandbox", nowhere}, exitUsage, "see `cluster down --help`"},
		"remote with an argument":                           {[]string{"remote", "sandbox", nowhere}, exitUsage, "see `cluster remote --help`"},
		"validate-app without a file":                       {[]string{"validate-app"}, exitUsage, "see `cluster validate-app --help`"},
		"validate-app of a file that is not there":          {[]string{"validate-app", filepath.Join(empty, "absent.yaml")}, exitUsage, "read the file of the application"},
		"validate-app of a file that is something else":     {[]string{"validate-app", "--repository=../../../..", "../../../../docs/tenant/chart/values.yaml"}, exitInvalid, "there is no Application"},
		"status with an argument":                           {[]string{"status", "sandbox", nowhere}, exitUsage, "see `cluster status --help`"},
		"status in a form that there is not":                {[]string{"status", nowhere, "--format=yaml"}, exitUsage, `--format "yaml": want text or json`},
		"status of a context that there is not":             {[]string{"status", "--context=nowhere"}, exitUsage, `--context: context "nowhere" does not exist`},
		"memory with an argument":                           {[]string{"memory", "sandbox", nowhere}, exitUsage, "see `cluster memory --help`"},
		"build with an argument":                            {[]string{"build", "etcd", nowhere}, exitUsage, "see `cluster build --help`"},
		"logs without a directory":                          {[]string{"logs", nowhere}, exitUsage, "accepts 1 arg(s), received 0; see `cluster logs --help`"},
		"logs with two":                                     {[]string{"logs", "a", "b", nowhere}, exitUsage, "accepts 1 arg(s), received 2"},
		"an image without a name":                           {[]string{"load-image", "layout", nowhere}, exitUsage, "accepts 2 arg(s), received 1; see `cluster load-image --help`"},
		"a name that no cluster can have":                   {[]string{"status", "--name=Sandbox"}, exitUsage, `--name: cluster name "Sandbox": want at most 22`},
		"a name that leads elsewhere":                       {[]string{"status", "--name=../x"}, exitUsage, `--name: cluster name "../x"`},
		"a repository that is not there":                    {[]string{"status", nowhere}, exitUsage, "--repository: "},
		"an image that is none":                             {[]string{"load-image", empty, "x:1"}, exitInternal, empty},
		"a provider that there is not":                      {[]string{"up", "--provider=k3d"}, exitUsage, `--provider "k3d": want source or kind`},
		"an image of nodes for a node that is made of none": {[]string{"up", "--provider=source", "--name=never-started-by-any1", "--node-image=x"}, exitUsage, "--node-image: a source node is made of no image"},
		"a provider that is empty space":                    {[]string{"status", "--provider= "}, exitUsage, `--provider " ": want source or kind`},
		"the process on the host, by a person":              {[]string{kind.ServeCommand, empty}, exitInternal, "cluster __serve-kind: this is a program of a cluster"},
		"that one without its directory":                    {[]string{kind.ServeCommand}, exitInternal, "cluster __serve-kind: this is a program of a cluster"},
		"process 1 of a node, by a person":                  {[]string{source.InitCommand, empty}, exitInternal, "this is process 1 of a node"},
		"the supervisor of a node, by a person":             {[]string{source.NodeCommand}, exitInternal, "this is the supervisor of a node"},
		"the server of repositories, by a person":           {[]string{source.ServeCommand}, exitInternal, "cluster __serve: this is a program of a node"},
		"process 1 of a sandbox, by a person":               {[]string{sandbox.Subcommand}, exitInternal, "sandbox: this is process 1 of a sandbox"},
		"the hook of a repository, by a person":             {[]string{git.HookCommand}, exitInternal, "cluster " + git.HookCommand + ": "},
		"a hidden command that is not the first":            {[]string{"--name=x", source.InitCommand}, exitUsage, `unknown command "__init"`},
		"a flag of another program's after all is well":     {[]string{"status", "-x"}, exitUsage, "unknown shorthand flag: 'x' in -x"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := cluster(t, tt.args...)
			if code != tt.code || !strings.Contains(stderr, tt.says) {
				t.Errorf("exit code %d, want %d and %q: %s", code, tt.code, tt.says, stderr)
			}
			if stdout != "" {
				t.Errorf("on stdout: %s", stdout)
			}
		})
	}
}

func TestHelpIsWhatWasAskedFor(t *testing.T) {
	for name, args := range map[string][]string{"without arguments": nil, "with the flag": {"--help"}, "with the command": {"help"}, "of a command": {"up", "--help"}} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := cluster(t, args...)
			if code != exitOK || !strings.Contains(stdout, "--repository") || stderr != "" {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
		})
	}
	if _, stdout, _ := cluster(t); strings.Contains(stdout, "__") {
		t.Errorf("what is hidden is shown: %s", stdout)
	}
}

// It reads where a cluster of this name would be and touches nothing.
func TestTheStatusOfAClusterThatDoesNotRun(t *testing.T) {
	const name = "never-started-by-any1"
	code, stdout, stderr := cluster(t, "status", "--name="+name)
	if code != exitOK || stdout != "cluster "+name+" does not run; `make up` starts it\n" || stderr != "" {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = cluster(t, "status", "--format=json", "--name="+name)
	if want := `{"cluster":"` + name + `","running":false,"applications":[]}` + "\n"; code != exitOK || stdout != want || stderr != "" {
		t.Errorf("as JSON: exit code %d: %s%s", code, stdout, stderr)
	}
	// There is nothing to push to, and a script must not take that for an address.
	code, stdout, stderr = cluster(t, "remote", "--name="+name)
	if code != exitInternal || stdout != "" || !strings.Contains(stderr, "cluster "+name+" does not run; `make up` starts it") {
		t.Errorf("remote: exit code %d: %s%s", code, stdout, stderr)
	}
}
