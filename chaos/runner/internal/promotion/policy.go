package promotion

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/chaos/runner/internal/result"
	"github.com/ballast-sre/ballast/internal/document"
)

// Policy is what an environment asks for before it takes another pair.
type Policy struct {
	// From is the environment whose pairs it takes; empty: it is the first, and takes what
	// a pipeline has built.
	From string
	// Images are the repositories of the images in a registry, by name.
	Images map[string]string
	// Verdicts is nil where none are asked for.
	Verdicts *VerdictPolicy
	// Keys are files with public keys, from the root of the repository; an image has to be
	// signed with one of them. None: nobody has to sign.
	Keys []string
}

// VerdictPolicy is which experiments have to have passed.
type VerdictPolicy struct {
	Of          string        // name of the image to which verdicts are attached
	Target      string        // where they ran: local or cluster
	MaxAge      time.Duration // since the end of a run
	Experiments []string      // files, from the root of the repository
	// AllowIdle counts a pass that could hardly have failed, too.
	AllowIdle bool
	// Signed asks that verdicts are signed as images are.
	Signed bool
}

type rawPolicy struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Metadata   rawMeta `json:"metadata"`
	Spec       struct {
		From     string            `json:"from"`
		Images   map[string]string `json:"images"`
		Verdicts *struct {
			Of          string   `json:"of"`
			Target      string   `json:"target"`
			MaxAge      age      `json:"maxAge"`
			Experiments []string `json:"experiments"`
			AllowIdle   bool     `json:"allowIdle"`
			Signed      bool     `json:"signed"`
		} `json:"verdicts"`
		Signatures struct {
			Keys []string `json:"keys"`
		} `json:"signatures"`
	} `json:"spec"`
}

// age is a positive duration in a document.
type age time.Duration

func (a *age) UnmarshalYAML(n *yaml.Node) error {
	d, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || d <= 0 {
		return fmt.Errorf("%q is not a duration above zero; write one like 72h", n.Value)
	}
	*a = age(d)
	return nil
}

// ReadPolicy reads what an environment asks for. The error is document.Problems.
func ReadPolicy(file string, data []byte) (Policy, error) {
	var raw rawPolicy
	c, err := one(file, "Promotion", data, &raw)
	if err != nil {
		return Policy{}, err
	}
	s := raw.Spec
	p := Policy{From: s.From, Images: s.Images, Keys: s.Signatures.Keys}
	if len(p.Images) == 0 && !c.Bad("spec.images") {
		c.Problem("spec.images", "missing; give the repository of each image, like monitor: ballast/monitor")
	}
	for i, key := range p.Keys {
		if !inside(key) {
			c.Problem(fmt.Sprintf("spec.signatures.keys[%d]", i), "%q is not a path inside the repository; give the path from its root", key)
		}
	}
	if s.Verdicts != nil {
		v := VerdictPolicy{
			Of: s.Verdicts.Of, Target: s.Verdicts.Target, MaxAge: time.Duration(s.Verdicts.MaxAge),
			Experiments: s.Verdicts.Experiments, AllowIdle: s.Verdicts.AllowIdle, Signed: s.Verdicts.Signed,
		}
		p.Verdicts = &v
		if _, ok := p.Images[v.Of]; !ok && !c.Bad("spec.verdicts.of") {
			c.Problem("spec.verdicts.of", "%q is not in spec.images; use one of %s", v.Of, strings.Join(slices.Sorted(maps.Keys(p.Images)), ", "))
		}
		if v.Target != result.TargetLocal && v.Target != result.TargetCluster && !c.Bad("spec.verdicts.target") {
			c.Problem("spec.verdicts.target", "%q; want local or cluster", v.Target)
		}
		if v.MaxAge == 0 && !c.Bad("spec.verdicts.maxAge") {
			c.Problem("spec.verdicts.maxAge", "missing; say how old a verdict may be, like 72h")
		}
		if len(v.Experiments) == 0 && !c.Bad("spec.verdicts.experiments") {
			c.Problem("spec.verdicts.experiments", "missing; list the files of the experiments, or leave out spec.verdicts")
		}
		for i, file := range v.Experiments {
			at := fmt.Sprintf("spec.verdicts.experiments[%d]", i)
			switch {
			case !inside(file):
				c.Problem(at, "%q is not a path inside the repository; give the path from its root", file)
			case slices.Contains(v.Experiments[:i], file):
				c.Problem(at, "%q is listed twice", file)
			}
		}
		if p.From == "" && !c.Bad("spec.from") {
			c.Problem("spec.from", "missing; verdicts are of another environment, so name it")
		}
		if v.Signed && len(p.Keys) == 0 {
			c.Problem("spec.verdicts.signed", "signed verdicts need a key; name one in spec.signatures.keys")
		}
	}
	return p, document.Err(c.Problems)
}

// inside is true for a path that stays in the repository.
func inside(file string) bool {
	return file != "" && !path.IsAbs(file) && path.Clean(file) == file && file != "." && !strings.HasPrefix(file, "../") && file != ".."
}
