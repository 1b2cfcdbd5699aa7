package promotion

import (
	"errors"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/internal/document"
)

const (
	oneRevision   = "0123456789abcdef0123456789abcdef01234567"
	otherRevision = "89abcdef0123456789abcdef0123456789abcdef"
	oneDigest     = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	otherDigest   = "sha256:89abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
)

// refused checks the problems of a document.
func refused(t *testing.T, err error, says string) {
	t.Helper()
	var found document.Problems
	if says == "" && err != nil || says != "" && (!errors.As(err, &found) || !strings.Contains(err.Error(), says)) {
		t.Errorf("%v, want %q", err, says)
	}
}

func TestAPairIsReadAsItIsWritten(t *testing.T) {
	for _, p := range []Pair{
		{Revision: oneRevision, Images: map[string]string{"monitor": oneDigest, "ballast": otherDigest}},
		{Revision: NotPromoted, Images: map[string]string{"monitor": ""}},
		{Revision: NotPromoted, Images: map[string]string{"true": "", "null": "", "web-2": ""}},
	} {
		got, err := ReadPair("pair.yaml", p.Text())
		if err != nil || !got.Equal(p) {
			t.Errorf("%+v: %v", got, err)
		}
	}
}

func TestAPairSaysWhatRuns(t *testing.T) {
	const head = "apiVersion: ballast.dev/v1alpha1\nkind: Pair\nmetadata: {name: pair}\nspec:\n"
	for name, tc := range map[string]struct{ text, says string }{
		"a whole one":                   {head + "  revision: " + oneRevision + "\n  images: {monitor: \"" + oneDigest + "\"}\n", ""},
		"nothing":                       {"", "it holds 0 documents"},
		"two":                           {head + "  revision: x\n---\n" + head, "it holds 2 documents"},
		"another kind":                  {"apiVersion: v1\nkind: ConfigMap\n", "want ballast.dev/v1alpha1 Pair"},
		"a branch":                      {head + "  revision: main\n  images: {monitor: \"\"}\n", "spec.revision: \"main\" is neither a commit"},
		"a short commit":                {head + "  revision: 0123abc\n  images: {monitor: \"\"}\n", "spec.revision"},
		"a tag":                         {head + "  revision: " + oneRevision + "\n  images: {monitor: v1}\n", "spec.images.monitor: \"v1\" is not a digest"},
		"an image with an invalid name": {head + "  revision: " + oneRevision + "\n  images: {\"a: b\": \"\"}\n", "cannot be the name of an image"},
		"no image":                      {head + "  revision: " + oneRevision + "\n", "spec.images: missing"},
		"a field that is misspelt":      {head + "  revison: x\n", "revison"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadPair("pair.yaml", []byte(tc.text))
			refused(t, err, tc.says)
		})
	}
}

func TestOnlyAWholePairIsPromoted(t *testing.T) {
	whole := Pair{Revision: oneRevision, Images: map[string]string{"monitor": oneDigest}}
	if err := whole.Whole(); err != nil {
		t.Error(err)
	}
	for _, p := range []Pair{
		{Revision: NotPromoted, Images: whole.Images},
		{Revision: oneRevision, Images: map[string]string{"monitor": oneDigest, "ballast": ""}},
	} {
		if p.Whole() == nil {
			t.Errorf("%+v is whole", p)
		}
	}
	if whole.Equal(Pair{Revision: otherRevision, Images: whole.Images}) || whole.Equal(Pair{Revision: oneRevision, Images: map[string]string{"monitor": otherDigest}}) {
		t.Error("another pair is the same")
	}
}

func TestAPolicySaysWhatAnEnvironmentAsksFor(t *testing.T) {
	const good = `apiVersion: ballast.dev/v1alpha1
kind: Promotion
metadata: {name: prod}
spec:
  from: staging
  images: {monitor: ballast/monitor}
  verdicts:
    of: monitor
    target: cluster
    maxAge: 72h
    experiments: [chaos/experiments/a.yaml]
    signed: true
  signatures: {keys: [keys/a.pub]}
`
	for name, tc := range map[string]struct{ old, with, says string }{
		"a whole one":                        {"", "", ""},
		"without images":                     {"  images: {monitor: ballast/monitor}\n", "", "spec.images: missing"},
		"of an image that is not there":      {"of: monitor", "of: other", `spec.verdicts.of: "other" is not in spec.images; use one of monitor`},
		"on no target":                       {"target: cluster", "target: moon", "spec.verdicts.target"},
		"without an age":                     {"    maxAge: 72h\n", "", "spec.verdicts.maxAge: missing"},
		"with an invalid age":                {"72h", "three days", `"three days" is not a duration above zero`},
		"with a negative age":                {"72h", "-1h", "is not a duration above zero"},
		"without experiments":                {"[chaos/experiments/a.yaml]", "[]", "spec.verdicts.experiments: missing"},
		"with one experiment twice":          {"[chaos/experiments/a.yaml]", "[a.yaml, a.yaml]", "is listed twice"},
		"with a file of elsewhere":           {"chaos/experiments/a.yaml", "../a.yaml", "is not a path inside the repository"},
		"with a key of elsewhere":            {"keys/a.pub", "/etc/a.pub", "spec.signatures.keys[0]"},
		"with verdicts of nowhere":           {"  from: staging\n", "", "spec.from: missing"},
		"with signed verdicts and no key":    {"  signatures: {keys: [keys/a.pub]}\n", "", "spec.verdicts.signed: signed verdicts need a key"},
		"with a field that there is not":     {"signed: true", "sigend: true", "sigend"},
		"that asks for nothing but a source": {good[strings.Index(good, "  verdicts:"):], "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadPolicy("promotion.yaml", []byte(strings.Replace(good, tc.old, tc.with, 1)))
			refused(t, err, tc.says)
		})
	}
}

func FuzzReadDocuments(f *testing.F) {
	f.Add([]byte("apiVersion: ballast.dev/v1alpha1\nkind: Pair\nspec: {revision: not-promoted-yet, images: {a: \"\"}}"))
	f.Add([]byte("apiVersion: ballast.dev/v1alpha1\nkind: Promotion\nspec: {images: {a: b}, verdicts: {maxAge: [1], experiments: [\"..\"]}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := ReadPair("x", data); err == nil {
			if again, err := ReadPair("x", p.Text()); err != nil || !again.Equal(p) {
				t.Errorf("%+v is written as %+v: %v", p, again, err)
			}
		}
		if p, err := ReadPolicy("x", data); err == nil && p.Verdicts != nil && p.Verdicts.MaxAge <= 0 {
			t.Errorf("a policy without an age: %+v", p)
		}
	})
}
