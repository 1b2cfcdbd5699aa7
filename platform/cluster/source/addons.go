package source

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed addons/*.yaml
var addonFiles embed.FS

// Addons applies what managed clusters bring along: name service, metrics of pods,
// and permissions of the node's own programs. It blocks until the name service
// answers.
func (n *Node) Addons(ctx context.Context) error {
	kubectl, err := n.Kubectl()
	if err != nil {
		return err
	}
	dir := n.in("addons")
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("add-ons: %w", err)
	}
	if err := os.CopyFS(n.in(), addonFiles); err != nil {
		return fmt.Errorf("add-ons: %w", err)
	}
	if out, err := run(ctx, "/", kubectl, "--kubeconfig="+n.Kubeconfig(), "apply", "--server-side", "--force-conflicts", "--field-manager=ballast", "--filename="+dir); err != nil {
		return fmt.Errorf("add-ons: %w: %s", err, lastLines(out, 5))
	}
	if out, err := run(ctx, "/", kubectl, "--kubeconfig="+n.Kubeconfig(), "--namespace=kube-system", "rollout", "status", "deployment/coredns", "--timeout=2m"); err != nil {
		return fmt.Errorf("add-ons: %w: %s", err, lastLines(out, 5))
	}
	return nil
}

// ChaosDefinitions generates the custom resource definitions of Chaos Mesh from the
// very module that its controller was built from. With those of another commit a
// defaulted field is pruned, and then every update of the object is refused. It
// returns their directory.
func (n *Node) ChaosDefinitions(ctx context.Context) (string, error) {
	generator, err := n.build.find("chaos-mesh", "controller-gen")
	if err != nil {
		return "", err
	}
	final := filepath.Join(filepath.Dir(generator), "crds")
	if exists(final) {
		return final, nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(generator), ".crds-")
	if err != nil {
		return "", fmt.Errorf("definitions of Chaos Mesh: %w", err)
	}
	out, err := run(ctx, filepath.Join(n.build.modules, "chaos-mesh"), generator,
		"crd:maxDescLen=0", "paths=github.com/chaos-mesh/chaos-mesh/api/v1alpha1", "output:crd:dir="+tmp)
	if err != nil {
		return "", fmt.Errorf("definitions of Chaos Mesh: %w: %s", err, lastLines(out, 5))
	}
	if files, err := filepath.Glob(filepath.Join(tmp, "*.yaml")); err != nil || len(files) == 0 {
		return "", fmt.Errorf("definitions of Chaos Mesh: none was generated: %s", lastLines(out, 5))
	}
	if err := os.Rename(tmp, final); err != nil {
		return "", fmt.Errorf("definitions of Chaos Mesh: %w", err)
	}
	return final, nil
}

// Usage is what one program takes, over all of its processes.
type Usage struct {
	Name string
	// RSS is what is resident in bytes, and counts a page for every process that has
	// it: dozens have the program of a container's shim. PSS counts it once, in shares.
	RSS, PSS  uint64
	Processes int
}

// Usage reads what every program of the node and of its pods takes now, the largest
// first.
func (n *Node) Usage(context.Context) ([]Usage, error) {
	groups, err := findHierarchies()
	if err != nil {
		return nil, err
	}
	sums := map[string]*Usage{}
	for _, pid := range groups.processes(n.name) {
		name, rss, pss, err := processOf(pid)
		if err != nil {
			continue // it has ended
		}
		if sums[name] == nil {
			sums[name] = &Usage{Name: name}
		}
		sums[name].RSS += rss
		sums[name].PSS += pss
		sums[name].Processes++
	}
	var all []Usage
	for _, u := range sums {
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(b.PSS, a.PSS), strings.Compare(a.Name, b.Name))
	})
	return all, nil
}

// Build builds all components and starts nothing. When packages may be installed, it
// also fetches those that Start will need.
func (n *Node) Build(ctx context.Context) error {
	began := time.Now()
	if n.host.Install {
		if err := n.host.Ensure(ctx); err != nil {
			return err
		}
	}
	if err := n.build.build(ctx, components()); err != nil {
		return err
	}
	n.report("everything is built (%s)", time.Since(began).Round(time.Second))
	return nil
}

// BuildComponents builds the components named and starts nothing: for those who need
// programs of a node, and no node. The error names one that there is not.
func (n *Node) BuildComponents(ctx context.Context, names ...string) error {
	all := components()
	var wanted []component
	for _, name := range names {
		i := slices.IndexFunc(all, func(c component) bool { return c.name == name })
		if i < 0 {
			return fmt.Errorf("there is no component %s", name)
		}
		wanted = append(wanted, all[i])
	}
	return n.build.build(ctx, wanted)
}
