package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
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

	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion/promotiontest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/tests/gitrepo"
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
	return gitrepo.Git(s.t, s.dir, args...)
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
	gitrepo.Isolate(t)
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
