package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion/promotiontest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
)

const anExperiment = `apiVersion: ballast.dev/v1alpha1
kind: Experiment
metadata: {name: pod-kill}
spec:
  hypothesis: Losing one replica is invisible.
  baseline: 10s
  observe: 10s
  recover: 20s
  slos: [{ref: monitor-availability}]
  blastRadius: {maxTargets: 1, maxPercent: 34%}
---
apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: {name: f}
spec: {action: pod-failure, mode: one, selector: {labelSelectors: {app.kubernetes.io/name: monitor}}}
`

const aPolicy = `apiVersion: ballast.dev/v1alpha1
kind: Promotion
metadata: {name: prod}
spec:
  from: staging
  images: {monitor: ballast/monitor}
  verdicts: {of: monitor, target: cluster, maxAge: 72h, experiments: [chaos/experiments/pod-kill.yaml]}
`

// checkout is a repository with environments, and a registry with their image.
type checkout struct {
	t        *testing.T
	dir      string
	registry string
	pair     promotion.Pair // of staging
}

func (s checkout) git(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "git", args...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s checkout) write(file, text string) {
	s.t.Helper()
	file = filepath.Join(s.dir, file)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s checkout) commit(message string) {
	s.t.Helper()
	s.git("add", "--all")
	s.git("commit", "--quiet", "--message="+message)
}

// newCheckout is a repository whose staging runs a pair that prod does not.
func newCheckout(t *testing.T) checkout {
	t.Helper()
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull,
		"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
	} {
		t.Setenv(name, value)
	}
	s := checkout{t: t, dir: t.TempDir(), registry: newRegistry(t)}
	s.git("init", "--quiet", "--initial-branch=main")
	for _, dir := range []string{"alerts/slo", "alerts/rules"} {
		if err := os.CopyFS(filepath.Join(s.dir, dir), os.DirFS(filepath.Join("../../../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	s.write("chaos/experiments/pod-kill.yaml", anExperiment)
	s.write(promotion.PolicyFile("prod"), aPolicy)
	s.write(promotion.PolicyFile("dev"), "apiVersion: ballast.dev/v1alpha1\nkind: Promotion\nmetadata: {name: dev}\nspec: {images: {monitor: ballast/monitor}}\n")
	nothing := promotion.Pair{Revision: promotion.NotPromoted, Images: map[string]string{"monitor": ""}}
	for _, environment := range []string{"dev", "prod"} {
		s.write(promotion.PairFile(environment), string(nothing.Text()))
	}
	s.write("changes", "#!/bin/sh\necho \"## What changes in $4\"\ngit -C \"$2\" diff --stat \"$5\" \"$6\"\n")
	if err := os.Chmod(filepath.Join(s.dir, "changes"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.commit("Add charts")
	s.pair = promotion.Pair{Revision: s.git("rev-parse", "HEAD"), Images: map[string]string{"monitor": pushImage(t, s.registry+"/ballast/monitor")}}
	s.write(promotion.PairFile("staging"), string(s.pair.Text()))
	s.commit("Bring it to staging")
	return s
}

// passed is a report of a run of the experiment that passed.
func (s checkout) passed(edit func(*promotiontest.Asked)) result.Report {
	s.t.Helper()
	common := &commonFlags{root: s.dir, set: newPromote(streams{}, new(int)).Flags()}
	xs, _, err := common.experiments(streams{}, slog.New(slog.DiscardHandler), []string{filepath.Join(s.dir, "chaos/experiments")}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	asked := promotiontest.Asked{
		Name: xs[0].Name, YAML: xs[0].YAML, Faults: []string{xs[0].Faults[0].YAML}, Ended: time.Now().Add(-time.Hour), Bad: 50,
		Spec: engine.Resolve(engine.Config{RequireBlastRadius: true}, xs[0]),
	}
	if edit != nil {
		edit(&asked)
	}
	return promotiontest.Report(result.TargetCluster, promotiontest.Run(s.t, asked))
}

func (s checkout) attest(r result.Report) {
	s.t.Helper()
	var b bytes.Buffer
	if err := result.Encode(&b, r); err != nil {
		s.t.Fatal(err)
	}
	s.write(".git/report.json", b.String())
	image := s.registry + "/ballast/monitor@" + s.pair.Images["monitor"]
	if code, _, errOut := call("attest", "--image", image, "--revision", s.pair.Revision, "--environment", "staging", filepath.Join(s.dir, ".git/report.json")); code != exitOK {
		s.t.Fatalf("attest: %d: %s", code, errOut)
	}
}

func (s checkout) promote(more ...string) (code int, out, errOut string) {
	return call(append([]string{"promote", "--root", s.dir, "--registry", s.registry, "--changes", "changes"}, more...)...)
}

func (s checkout) toProd(more ...string) (code int, out, errOut string) {
	return s.promote(append([]string{"--from", "staging", "--to", "prod"}, more...)...)
}

func TestAPairIsPromotedOnceInOneCommit(t *testing.T) {
	s := newCheckout(t)
	s.attest(s.passed(nil))
	before := s.git("rev-parse", "HEAD")
	code, out, errOut := s.toProd()
	if code != exitOK {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	if got := s.git("diff", "--name-only", before, "HEAD"); got != promotion.PairFile("prod") {
		t.Errorf("it changed %q", got)
	}
	if got := s.git("rev-list", "--count", before+"..HEAD"); got != "1" {
		t.Errorf("%s commits", got)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, promotion.PairFile("prod")))
	if err != nil || string(text) != string(s.pair.Text()) {
		t.Errorf("prod has %s: %v", text, err)
	}
	message := s.git("log", "-1", "--format=%B")
	for _, want := range []string{"Promote " + s.pair.Revision[:12] + " to prod\n", "pass: each of 1 experiments passed in staging", "- pod-kill: passed", "## What changes in prod", "prod/pair.yaml"} {
		if !strings.Contains(message, want) || !strings.Contains(out, want) {
			t.Errorf("%q is not said:\n%s", want, message)
		}
	}
	if got := s.git("status", "--porcelain"); got != "" {
		t.Errorf("left behind: %s", got)
	}

	// Once more, even without a registry: it is there.
	after := s.git("rev-parse", "HEAD")
	if code, out, errOut := s.toProd("--registry", "127.0.0.1:1"); code != exitOK || !strings.Contains(out, "nothing was changed") || s.git("rev-parse", "HEAD") != after {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	// Back with git alone.
	s.git("revert", "--no-edit", "HEAD")
	if got := s.git("diff", "--name-only", before, "HEAD"); got != "" {
		t.Errorf("after the revert %q differs", got)
	}
}

func TestAPairIsHeldBack(t *testing.T) {
	mild := func(a *promotiontest.Asked) { spend := 0.01; a.Spec.SLOs[0].MaxBudgetSpend = &spend }
	for name, tc := range map[string]struct {
		prepare func(checkout)
		args    []string
		code    int
		says    string
	}{
		"without a verdict": {func(checkout) {}, nil, 3, "inconclusive pod-kill: no verdict of it is attached"},
		"with one that failed": {func(s checkout) {
			s.attest(s.passed(func(a *promotiontest.Asked) { a.Bad = 100; a.Spec.SLOs[0].Objective = 0.99999 }))
		}, nil, 1, "fail pod-kill: verdict"},
		"with one that is old": {func(s checkout) {
			s.attest(s.passed(func(a *promotiontest.Asked) { a.Ended = time.Now().Add(-100 * time.Hour) }))
		}, nil, 3, "is too old"},
		"with one of other bounds": {func(s checkout) { s.attest(s.passed(mild)) }, nil, 3, "did not ask for what chaos/experiments/pod-kill.yaml says: its SLOs differ"},
		"with one that was idle":   {func(s checkout) { s.attest(s.passed(func(a *promotiontest.Asked) { a.Bad = 0 })) }, nil, 3, "could hardly have failed: the fault touched none of the traffic"},
		"with one of an older text": {func(s checkout) {
			s.attest(s.passed(nil))
			s.write("chaos/experiments/pod-kill.yaml", strings.Replace(anExperiment, "invisible", "seen by few", 1))
			s.commit("Edit")
		}, nil, 3, "is of another document than chaos/experiments/pod-kill.yaml"},
		"with the registry down": {func(s checkout) { s.attest(s.passed(nil)) }, []string{"--registry", "127.0.0.1:1"}, 3, "nothing was changed: image monitor: "},
		"with an image that is not there": {func(s checkout) {
			s.pair.Images["monitor"] = attest.Digest(nil)
			s.write(promotion.PairFile("staging"), string(s.pair.Text()))
			s.commit("Edit")
		}, nil, exitInvalid, "the image does not exist"},
		"with a revision that was not merged": {func(s checkout) {
			s.git("checkout", "--quiet", "-b", "aside")
			s.git("commit", "--quiet", "--allow-empty", "--message=aside")
			s.pair.Revision = s.git("rev-parse", "HEAD")
			s.git("checkout", "--quiet", "main")
			s.write(promotion.PairFile("staging"), string(s.pair.Text()))
			s.commit("Edit")
		}, nil, exitInvalid, "merge it first"},
		"from where nothing is": {func(s checkout) {
			s.write(promotion.PairFile("staging"), string(promotion.Pair{Revision: promotion.NotPromoted, Images: map[string]string{"monitor": ""}}.Text()))
			s.commit("Edit")
		}, nil, exitInvalid, "staging/pair.yaml: revision \"not-promoted-yet\" is no commit"},
		"when its change is not known": {func(s checkout) {
			s.attest(s.passed(nil))
			s.write("changes", "#!/bin/sh\necho no chart >&2\nexit 65\n")
			s.commit("Edit")
		}, nil, exitInvalid, "what it changes is not known: changes: exit status 65: no chart"},
		"when an experiment is gone": {func(s checkout) { s.git("rm", "--quiet", "chaos/experiments/pod-kill.yaml"); s.commit("Edit") }, nil, exitInvalid, "prod/promotion.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newCheckout(t)
			tc.prepare(s)
			before := s.git("rev-parse", "HEAD")
			code, out, errOut := s.toProd(tc.args...)
			if code != tc.code || !strings.Contains(errOut, tc.says) || strings.Contains(errOut, "/ballast-promote-") {
				t.Errorf("exit %d, want %d and %q:\n%s%s", code, tc.code, tc.says, out, errOut)
			}
			if s.git("rev-parse", "HEAD") != before || s.git("status", "--porcelain") != "" {
				t.Errorf("something was changed: %s", s.git("status", "--porcelain"))
			}
		})
	}
}

func TestPromoteSaysHowItIsUsed(t *testing.T) {
	s := newCheckout(t)
	digest := s.pair.Images["monitor"]
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"without anything":           {nil, exitUsage, "--to is missing"},
		"without a source":           {[]string{"--to", "prod"}, exitUsage, "--from is missing"},
		"with two sources":           {[]string{"--from", "staging", "--to", "prod", "--revision", s.pair.Revision}, exitUsage, "leave one of them out"},
		"past an environment":        {[]string{"--from", "dev", "--to", "prod"}, exitUsage, "prod takes pairs from staging, and not from dev"},
		"from a build":               {[]string{"--to", "prod", "--revision", s.pair.Revision, "--image", "monitor=" + digest}, exitUsage, "prod takes pairs from staging, and not from a build"},
		"to nowhere":                 {[]string{"--from", "staging", "--to", "moon"}, exitInvalid, "moon/promotion.yaml: there is no such file"},
		"out of the repository":      {[]string{"--from", "staging", "--to", "../x"}, exitUsage, "--to \"../x\" is no environment"},
		"of another image":           {[]string{"--to", "dev", "--revision", s.pair.Revision, "--image", "other=" + digest}, exitUsage, "the images of the pair are other"},
		"of a branch":                {[]string{"--to", "dev", "--revision", "main", "--image", "monitor=" + digest}, exitUsage, "revision \"main\" is no commit"},
		"a build, to the first":      {[]string{"--to", "dev", "--revision", s.pair.Revision, "--image", "monitor=" + digest}, exitOK, "dev asks for no verdict"},
		"with no program of changes": {[]string{"--from", "staging", "--to", "prod", "--changes", "nowhere"}, 3, "no verdict of it is attached"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := s.promote(tc.args...)
			if code != tc.code || !strings.Contains(out+errOut, tc.says) {
				t.Errorf("exit %d, want %d and %q:\n%s%s", code, tc.code, tc.says, out, errOut)
			}
		})
	}
}

// Of two promotions at once, one moves the branch; the other has left nothing.
func TestOfTwoPromotionsAtOnceOneIsTold(t *testing.T) {
	s := newCheckout(t)
	s.attest(s.passed(nil))
	remote := t.TempDir()
	s.git("init", "--quiet", "--bare", "--initial-branch=main", remote)
	s.git("remote", "add", "origin", remote)
	s.git("push", "--quiet", "origin", "main")
	// The program of the first is slow: the other promotes while it looks.
	s.write("slow", fmt.Sprintf("#!/bin/sh\ncd %q && git commit --quiet --allow-empty --message=faster && git push --quiet origin HEAD:main\n", s.dir))
	if err := os.Chmod(filepath.Join(s.dir, "slow"), 0o700); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := s.toProd("--push", "origin", "--changes", "slow")
	if code != 3 || !strings.Contains(errOut, "nothing was changed: somebody was faster: main of origin is at") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	if got := s.git("log", "--format=%s", "-1", "origin/main"); got != "faster" {
		t.Errorf("the branch is at %q", got)
	}
	if code, out, errOut := s.toProd("--push", "origin"); code != exitOK {
		t.Errorf("again: exit %d: %s%s", code, out, errOut)
	}
	s.git("fetch", "--quiet", "origin")
	if got := s.git("log", "--format=%s", "-1", "origin/main"); got != "Promote "+s.pair.Revision[:12]+" to prod" {
		t.Errorf("the branch is at %q", got)
	}
}

// Several at once, each in a checkout of its own as pipelines have it.
func TestPromotionsAtOnceLeaveWholeOnesAlone(t *testing.T) {
	s := newCheckout(t)
	s.attest(s.passed(nil))
	digest := s.pair.Images["monitor"]
	remote := t.TempDir()
	s.git("init", "--quiet", "--bare", "--initial-branch=main", remote)
	s.git("push", "--quiet", remote, "main")
	before := s.git("rev-parse", "main")
	const several = 4
	codes := make(chan int, several)
	var g errgroup.Group
	for i := range several {
		dir := t.TempDir()
		s.git("clone", "--quiet", remote, dir)
		args := []string{"promote", "--root", dir, "--registry", s.registry, "--changes", "changes", "--push", "origin", "--from", "staging", "--to", "prod"}
		if i%2 == 1 {
			args = append(args[:len(args)-4], "--to", "dev", "--revision", s.pair.Revision, "--image", "monitor="+digest)
		}
		g.Go(func() error {
			code, _, _ := call(args...)
			codes <- code
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	close(codes)
	won := 0
	for code := range codes {
		switch code {
		case exitOK:
			won++
		case result.Inconclusive.Exit():
		default:
			t.Errorf("exit %d", code)
		}
	}
	s.git("fetch", "--quiet", remote, "main")
	made := strings.Fields(s.git("log", "--format=%h", before+"..FETCH_HEAD"))
	if won == 0 || len(made) == 0 || len(made) > won {
		t.Errorf("%d promotions ended well and made %d commits", won, len(made))
	}
	for _, commit := range made {
		if changed := s.git("diff-tree", "--no-commit-id", "--name-only", "-r", commit); !strings.HasSuffix(changed, "/pair.yaml") || strings.Contains(changed, "\n") {
			t.Errorf("%s changed %q", commit, changed)
		}
	}
}

func TestARemoteThatIsNotThereChangesNothing(t *testing.T) {
	s := newCheckout(t)
	s.attest(s.passed(nil))
	if code, out, errOut := s.toProd("--push", filepath.Join(s.dir, "nowhere")); code != 3 || !strings.Contains(errOut, "nothing was changed: the remote cannot be asked, or refuses") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	remote := t.TempDir()
	s.git("init", "--quiet", "--bare", "--initial-branch=main", remote)
	if code, out, errOut := s.toProd("--push", remote); code != 3 || !strings.Contains(errOut, "has no branch main") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestAPullRequestGetsWhatAForgeNeeds(t *testing.T) {
	s := newCheckout(t)
	s.attest(s.passed(nil))
	before := s.git("rev-parse", "main")
	var commits []string
	for range 2 {
		code, out, errOut := s.toProd("--pull-request")
		var said struct{ Title, Description, SourceBranch, TargetBranch, Commit string }
		if err := json.Unmarshal([]byte(out), &said); err != nil || code != exitOK {
			t.Fatalf("exit %d: %v: %s%s", code, err, out, errOut)
		}
		if said.TargetBranch != "main" || s.git("rev-parse", said.SourceBranch) != said.Commit || !strings.Contains(said.Description, "## Verdict") || !strings.HasPrefix(said.Title, "Promote ") {
			t.Errorf("%+v", said)
		}
		commits = append(commits, said.Commit)
	}
	if commits[0] != commits[1] || s.git("rev-parse", "main") != before {
		t.Errorf("%q, and main moved from %s to %s", commits, before, s.git("rev-parse", "main"))
	}
}

func TestAnUnsignedImageIsRefusedWhereSignaturesAreWanted(t *testing.T) {
	s := newCheckout(t)
	s.attest(s.passed(nil))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	s.write("keys/a.pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	s.write(promotion.PolicyFile("prod"), aPolicy+"  signatures: {keys: [keys/a.pub]}\n")
	s.commit("Ask for signatures")
	if code, out, errOut := s.toProd(); code != exitInvalid || !strings.Contains(errOut, "it is not signed with a key that is asked for") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	s.sign(key)
	if code, out, errOut := s.toProd("--pull-request"); code != exitOK || !strings.Contains(out, "Images are signed with a key of keys/a.pub.") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	s.write("keys/a.pub", "no key\n")
	s.commit("Spoil the key")
	if code, out, errOut := s.toProd(); code != exitInvalid || !strings.Contains(errOut, "keys/a.pub: want one PEM block") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

// sign signs the image of staging as `cosign sign --key` does.
func (s checkout) sign(key *ecdsa.PrivateKey) {
	s.t.Helper()
	digest := s.pair.Images["monitor"]
	payload := fmt.Appendf(nil, `{"critical":{"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"}}`, digest)
	sum := sha256.Sum256(payload)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer:       static.NewLayer(payload, "application/vnd.dev.cosign.simplesigning.v1+json"),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	tag, err := name.NewTag(s.registry + "/ballast/monitor:" + strings.Replace(digest, ":", "-", 1) + ".sig")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := remote.Write(tag, img, remote.WithContext(s.t.Context())); err != nil {
		s.t.Fatal(err)
	}
}
