package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ballast-sre/ballast/platform/cluster/kind"
	"github.com/ballast-sre/ballast/platform/cluster/source"
)

// machine is a cluster, whatever it is made of.
type machine interface {
	Name() string
	Dir() string // of its state, secrets and repositories
	Running() bool
	Start(ctx context.Context) error
	Images(ctx context.Context) error
	Addons(ctx context.Context) error
	Kubeconfig() string
	GitURL() (string, error)
	Push(ctx context.Context, img v1.Image, ref string) error
	Logs(ctx context.Context, dest string) error
	Usage(ctx context.Context) ([]source.Usage, error)
	Stop(ctx context.Context) error
	Build(ctx context.Context) error
}

// node is a cluster and the programs that fit it, which are built from the same
// modules wherever it runs.
type node struct {
	machine
	tools *source.Node
}

// onDocker is a cluster of kind as a machine.
type onDocker struct{ *kind.Cluster }

// Usage is what each of its nodes takes. Docker counts no page twice.
func (d onDocker) Usage(ctx context.Context) ([]source.Usage, error) {
	usage, err := d.Cluster.Usage(ctx)
	var all []source.Usage
	for _, u := range usage {
		all = append(all, source.Usage{Name: u.Name, RSS: u.Memory, PSS: u.Memory, Processes: u.Processes})
	}
	return all, err
}

// The providers of clusters.
const (
	bySource = "source"
	byKind   = "kind"
)

// provider says by what a cluster is made: by the one that is asked for, by that
// which has made it, or by what this machine has. has are those that have made one of
// this name; docker is asked last, for it takes a moment.
func provider(asked string, has []string, docker func() bool) (string, error) {
	switch {
	case asked != "" && asked != bySource && asked != byKind:
		return "", fmt.Errorf("--provider %q: want %s or %s", asked, bySource, byKind)
	case asked != "" && len(has) > 0 && !slices.Contains(has, asked):
		return "", fmt.Errorf("--provider: there is a cluster of this name already, made by %s; take another --name, or take that one down first", has[0])
	case asked != "":
		return asked, nil
	case len(has) > 1:
		return "", fmt.Errorf("--provider: there are two clusters of this name; say %s or %s", bySource, byKind)
	case len(has) == 1:
		return has[0], nil
	case docker():
		return byKind, nil
	default:
		return bySource, nil
	}
}

// node is the cluster that the flags name, whether or not it is there.
func (c *command) node(ctx context.Context) (node, error) {
	if _, err := os.Stat(c.repository); err != nil {
		return node{}, usageError{fmt.Errorf("--repository: %w", err)}
	}
	tools, err := source.New(c.name, c.repository, c.report)
	if errors.Is(err, source.ErrName) {
		return node{}, usageError{fmt.Errorf("--name: %w", err)}
	}
	if err != nil {
		return node{}, err
	}
	if c.install {
		tools.InstallPackages()
	}
	cluster, err := kind.New(c.name, c.repository, tools, c.report)
	if err != nil {
		return node{}, err
	}
	var has []string
	for name, dir := range map[string]string{bySource: tools.Dir(), byKind: cluster.Dir()} {
		if _, err := os.Stat(dir); err == nil {
			has = append(has, name)
		}
	}
	by, err := provider(c.provider, has, func() bool { return kind.Answers(ctx) == nil })
	if err != nil {
		return node{}, usageError{err}
	}
	if by == byKind {
		if c.nodeImage != "" {
			cluster.NodeImage(c.nodeImage)
		}
		return node{onDocker{cluster}, tools}, nil
	}
	if c.nodeImage != "" {
		return node{}, usageError{errors.New("--node-image: a source node is made of no image; leave it out, or take --provider=kind")}
	}
	return node{tools, tools}, nil
}
