// Package promotion moves a change from one environment to the next: what an environment
// runs, what it asks for before it takes something else, what attached verdicts are worth,
// and the one commit that changes it. It knows no charts and no cluster.
package promotion

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/chaos/runner/internal/attest"
	"github.com/ballast-sre/ballast/internal/document"
)

// The documents of an environment.
const (
	APIVersion = "ballast.dev/v1alpha1"
	// Environments is their directory in the repository, one directory each.
	Environments = "platform/argocd/environments"
	// NotPromoted is the revision of an environment to which nothing was promoted yet: a
	// name that no branch has.
	NotPromoted = "not-promoted-yet"
)

// nameForm is that of an image's name, which is a key of YAML, too.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$`)

// PairFile is the file of an environment that a promotion changes, and the only one.
func PairFile(environment string) string { return path.Join(Environments, environment, "pair.yaml") }

// PolicyFile says what an environment asks for.
func PolicyFile(environment string) string {
	return path.Join(Environments, environment, "promotion.yaml")
}

// Pair is what runs in an environment: charts of one revision, and images.
type Pair struct {
	Revision string // a commit, 40 hexadecimal digits, or NotPromoted
	// Images are digests by the name of the image; empty is none yet.
	Images map[string]string
}

// Equal is true when both would run the same.
func (p Pair) Equal(q Pair) bool { return p.Revision == q.Revision && maps.Equal(p.Images, q.Images) }

// Whole says what keeps a pair from being promoted: nil when it names a commit and a digest
// for each image.
func (p Pair) Whole() error {
	if !attest.IsRevision(p.Revision) {
		return fmt.Errorf("revision %q is not a commit; want its 40 hexadecimal digits", p.Revision)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Images)) {
		if !attest.IsDigest(p.Images[name]) {
			return fmt.Errorf("image %s has the digest %q; want sha256: and 64 hexadecimal digits", name, p.Images[name])
		}
	}
	return nil
}

// Text is the pair as its file has it.
func (p Pair) Text() []byte {
	var b bytes.Buffer
	b.WriteString(`# What runs here. ` + "`ballast promote`" + ` writes this file, and reverts of its commits do.
apiVersion: ` + APIVersion + `
kind: Pair
metadata:
  name: pair
  annotations: {config.kubernetes.io/local-config: "true"} # for kustomize, not for the cluster
spec:
`)
	fmt.Fprintf(&b, "  revision: %q\n  images:\n", p.Revision)
	for _, name := range slices.Sorted(maps.Keys(p.Images)) {
		fmt.Fprintf(&b, "    %s: %q\n", key(name), p.Images[name])
	}
	return b.Bytes()
}

// key is a name as YAML takes it for text: true, null and the like need quotes.
func key(name string) string {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(name), &n); err != nil || len(n.Content) != 1 || n.Content[0].ShortTag() != "!!str" {
		return strconv.Quote(name)
	}
	return name
}

type rawMeta struct {
	Name        string            `json:"name"`
	Annotations map[string]string `json:"annotations"`
}

type rawPair struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Metadata   rawMeta `json:"metadata"`
	Spec       struct {
		Revision string            `json:"revision"`
		Images   map[string]string `json:"images"`
	} `json:"spec"`
}

// one reads a file that holds one document of a kind.
func one(file, kind string, data []byte, into any) (document.Checker, error) {
	docs, problems := document.Split(file, data)
	if len(problems) == 0 && len(docs) != 1 {
		problems = append(problems, document.Problem{File: file, Message: fmt.Sprintf("it holds %d documents; write one of kind %s", len(docs), kind)})
	}
	if len(problems) > 0 {
		return document.Checker{}, document.Err(problems)
	}
	c := document.Checker{Doc: docs[0]}
	if got := docs[0].Value("apiVersion") + " " + docs[0].Value("kind"); got != APIVersion+" "+kind {
		c.Problem("kind", "this is a %q; want %s %s", got, APIVersion, kind)
		return c, document.Err(c.Problems)
	}
	c.Decode(into)
	return c, nil
}

// ReadPair reads the file of a pair. The error is document.Problems.
func ReadPair(file string, data []byte) (Pair, error) {
	var raw rawPair
	c, err := one(file, "Pair", data, &raw)
	if err != nil {
		return Pair{}, err
	}
	p := Pair{Revision: raw.Spec.Revision, Images: raw.Spec.Images}
	if p.Revision != NotPromoted && !attest.IsRevision(p.Revision) && !c.Bad("spec.revision") {
		c.Problem("spec.revision", "%q is neither a commit of 40 hexadecimal digits nor %s", p.Revision, NotPromoted)
	}
	if len(p.Images) == 0 && !c.Bad("spec.images") {
		c.Problem("spec.images", "missing; name each image, with its digest or with an empty text")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Images)) {
		if !nameForm.MatchString(name) {
			c.Problem("spec.images", "%q cannot be the name of an image; use lower-case letters, digits and inner dashes", name)
			continue
		}
		if d := p.Images[name]; d != "" && !attest.IsDigest(d) {
			c.Problem("spec.images."+name, "%q is not a digest; want sha256: and 64 hexadecimal digits, or an empty text", d)
		}
	}
	return p, document.Err(c.Problems)
}
