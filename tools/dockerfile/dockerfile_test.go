package dockerfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

const root, file = "../..", "../../src/monitor/Dockerfile"

// bare resolves every image to an empty configuration, so that no registry is asked.
type bare struct{}

func (bare) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	img := v1.Image{Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH}}
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		img.Platform = *opt.ImageOpt.Platform
	}
	text, err := json.Marshal(img)
	return ref, digest.FromBytes(text), text, err
}

// findings are the messages of BuildKit's parser and linter about a Dockerfile.
func findings(t *testing.T, text []byte) []string {
	t.Helper()
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", text)
	source.Definition = &llb.Definition{} // findings are placed in it
	results, err := dockerfile2llb.DockerfileLint(t.Context(), text, dockerfile2llb.ConvertOpt{MetaResolver: bare{}, SourceMap: source})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	if results.Error != nil {
		found = append(found, results.Error.Message)
	}
	for _, w := range results.Warnings {
		found = append(found, w.RuleName+": "+w.Detail)
	}
	return found
}

func read(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestBuildKitFindsNothing(t *testing.T) {
	if found := findings(t, read(t)); len(found) > 0 {
		t.Error(strings.Join(found, "\n"))
	}
}

func TestBuildKitFindsWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct{ from, to, finds string }{
		"an instruction that there is not": {"WORKDIR /src", "WORKDIRECTORY /src", "unknown instruction"},
		"a variable that nobody sets":      {"ARG TARGETARCH", "ENV X=$ARCHITECTURE", "UndefinedVar"},
		"a stage that copies from itself":  {"COPY --from=build /out/ /", "COPY --from=base /out/ /", "circular dependency"},
		"a shell as entry point":           {`ENTRYPOINT ["/monitor"]`, "ENTRYPOINT /monitor", "JSONArgsRecommended"},
		"two stages of one name":           {"FROM base AS monitor-disk", "FROM base AS monitor-cpu", "DuplicateStageName"},
	} {
		t.Run(name, func(t *testing.T) {
			text := bytes.Replace(read(t), []byte(tt.from), []byte(tt.to), 1)
			if found := strings.Join(findings(t, text), "\n"); !strings.Contains(found, tt.finds) {
				t.Errorf("want %q: %q", tt.finds, found)
			}
		})
	}
}

// stages are those of the Dockerfile by name, each with the instructions of those
// that it builds on before its own.
func stages(t *testing.T) map[string][]instructions.Command {
	t.Helper()
	parsed, err := parser.Parse(bytes.NewReader(read(t)))
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]instructions.Command{}
	for _, s := range list {
		all[s.Name] = slices.Concat(all[s.BaseName], s.Commands)
	}
	if last := list[len(list)-1].Name; last != "monitor" {
		t.Errorf("without --target, %s is built", last)
	}
	return all
}

// line is the Dockerfile's `go build`, as a shell gets it.
func line(t *testing.T) string {
	t.Helper()
	var lines []string
	for _, c := range stages(t)["build"] {
		if run, ok := c.(*instructions.RunCommand); ok && strings.Contains(strings.Join(run.CmdLine, " "), "go build") {
			lines = append(lines, strings.Join(run.CmdLine, " "))
		}
	}
	if len(lines) != 1 {
		t.Fatalf("want one line that builds: %q", lines)
	}
	return lines[0]
}

// at runs a command at the root of the repository, with more variables.
func at(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		var complaint []byte
		if exit, ok := err.(*exec.ExitError); ok {
			complaint = exit.Stderr
		}
		t.Fatalf("%s %q: %v: %s", name, args, err, complaint)
	}
	return string(out)
}

func sum(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		t.Fatal(err)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

func TestTheProgramIsThatOfThePlatformsImages(t *testing.T) {
	dir := t.TempDir()
	const to = " -o /out/monitor "
	command := line(t)
	if strings.Count(command, to) != 1 {
		t.Fatalf("the program is not written to /out/monitor: %s", command)
	}
	built := filepath.Join(dir, "built")
	at(t, []string{"TARGETARCH=" + runtime.GOARCH}, "sh", "-c", strings.Replace(command, to, " -o "+built+" ", 1))
	at(t, nil, "go", "run", "./platform/image", "--bin-dir="+dir, "monitor")
	if packed := filepath.Join(dir, "monitor-"+runtime.GOARCH); sum(t, built) != sum(t, packed) {
		t.Errorf("the Dockerfile and platform/image build different programs:\n%s\n%s",
			at(t, nil, "go", "version", "-m", built), at(t, nil, "go", "version", "-m", packed))
	}
}

// settings are those that an image is run with.
type settings struct {
	User       string
	Entrypoint []string
	Env        []string
	Labels     map[string]string
}

func TestTheImagesSayWhatThePlatformsSay(t *testing.T) {
	all := stages(t)
	bin := t.TempDir()
	for _, name := range []string{"monitor", "monitor-cpu", "monitor-memory", "monitor-disk", "monitor-network"} {
		got := settings{Labels: map[string]string{}}
		for _, c := range all[name] {
			switch c := c.(type) {
			case *instructions.UserCommand:
				got.User = c.User
			case *instructions.EntrypointCommand:
				got.Entrypoint = c.CmdLine
			case *instructions.EnvCommand:
				for _, e := range c.Env {
					got.Env = append(got.Env, e.String())
				}
			case *instructions.LabelCommand:
				for _, l := range c.Labels {
					got.Labels[l.Key] = strings.Trim(l.Value, `"`)
				}
			}
		}
		layout := filepath.Join(t.TempDir(), "layout")
		image := strings.TrimSpace(at(t, nil, "go", "run", "./platform/image", "--bin-dir="+bin, "--layout="+layout, name))
		var manifest v1.Manifest
		var config v1.Image
		blob(t, layout, image, &manifest)
		blob(t, layout, manifest.Config.Digest.String(), &config)
		want := settings{User: config.Config.User, Entrypoint: config.Config.Entrypoint, Labels: config.Config.Labels}
		for _, e := range config.Config.Env {
			if !strings.HasPrefix(e, "PATH=") { // BuildKit sets it itself
				want.Env = append(want.Env, e)
			}
		}
		if got.User != want.User || !slices.Equal(got.Entrypoint, want.Entrypoint) || !slices.Equal(got.Env, want.Env) || !maps.Equal(got.Labels, want.Labels) {
			t.Errorf("%s: the Dockerfile's is %+v, the platform's %+v", name, got, want)
		}
	}
}

func blob(t *testing.T, layout, digest string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(layout, "blobs", strings.Replace(digest, ":", "/", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func TestTheCompilerIsTheOneOfTheChecks(t *testing.T) {
	pipeline, err := os.ReadFile(filepath.Join(root, "platform", "pipelines", "steps", "checkout.yml"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(read(t)), " golang:")
	version, _, _ := strings.Cut(rest, " ")
	if version == "" || !strings.Contains(string(pipeline), "version: "+version+"\n") {
		t.Errorf("the Dockerfile builds with Go %s, the pipeline with another", version)
	}
}
