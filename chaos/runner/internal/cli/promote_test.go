package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion"
	"github.com/ballast-sre/ballast/chaos/runner/internal/promotion/promotiontest"
)

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
		}, nil, 3, "is from another version of the experiment than chaos/experiments/pod-kill.yaml"},
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
		}, nil, exitInvalid, "staging/pair.yaml: revision \"not-promoted-yet\" is not a commit"},
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
		"to nowhere":                 {[]string{"--from", "staging", "--to", "moon"}, exitInvalid, "moon/promotion.yaml: the file does not exist"},
		"out of the repository":      {[]string{"--from", "staging", "--to", "../x"}, exitUsage, "--to \"../x\" cannot be the name of an environment"},
		"of another image":           {[]string{"--to", "dev", "--revision", s.pair.Revision, "--image", "other=" + digest}, exitUsage, "the images of the pair are other"},
		"of a branch":                {[]string{"--to", "dev", "--revision", "main", "--image", "monitor=" + digest}, exitUsage, "revision \"main\" is not a commit"},
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
