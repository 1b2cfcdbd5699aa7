package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ballast-sre/ballast/internal/image"
	"github.com/ballast-sre/ballast/platform/cluster/internal/hosttools"
	"github.com/ballast-sre/ballast/platform/cluster/internal/registry"
)

// recipe is an image that a node serves under the name that manifests know it by.
type recipe struct {
	ref      string // as in a manifest
	userland bool   // Debian beneath it
	files    []image.File
	// programs are put into the image: component/program → path.
	programs map[string]string
	config   image.Config
}

// userland are the Debian packages of images that need more than one program: git
// and what signs for Argo CD, a store for it, and the tools that Chaos Mesh calls.
func userland() []string {
	return []string{
		"ca-certificates", "git", "gpg", "gpg-agent", "openssh-client", "tini", // Argo CD
		"redis-server",                                                       // its cache
		"iptables", "ipset", "iproute2", "procps", "stress-ng", "util-linux", // Chaos Mesh's daemon
	}
}

// recipes of all images that a node builds from its components.
func recipes() []recipe {
	static := func(ref, program, path string) recipe {
		return recipe{ref: ref, programs: map[string]string{program: path}, files: image.Accounts(), config: image.Config{
			Entrypoint: []string{path}, User: fmt.Sprintf("%d:%d", image.Nobody, image.Nobody),
		}}
	}
	asRoot := func(r recipe) recipe { r.config.User = ""; return r }
	return []recipe{
		static(pauseImage, "pause/pause", "/pause"),
		// What Chaos Mesh puts in the place of a container that shall fail.
		static("registry.k8s.io/pause:3.10.1", "pause/pause", "/pause"),
		asRoot(static("registry.k8s.io/coredns/coredns:v1.15.0", "coredns/coredns", "/coredns")),
		static("registry.k8s.io/metrics-server/metrics-server:v0.9.0", "metrics-server/metrics-server", "/metrics-server"),
		static("quay.io/prometheus-operator/prometheus-operator:v0.91.0", "prometheus-operator/operator", "/bin/operator"),
		static("quay.io/prometheus-operator/prometheus-config-reloader:v0.91.0", "prometheus-operator/prometheus-config-reloader", "/bin/prometheus-config-reloader"),
		static("quay.io/prometheus/prometheus:v3.15.0", "prometheus/prometheus", "/bin/prometheus"),
		static("quay.io/prometheus/alertmanager:v0.31.1", "alertmanager/alertmanager", "/bin/alertmanager"),
		static("docker.io/victoriametrics/victoria-logs:v1.52.1", "victorialogs/victoria-logs", "/victoria-logs"),
		asRoot(static("docker.io/ballast/otel-collector:v0.165.0", "otel-collector/otel-collector", "/otel-collector")),
		asRoot(static("ghcr.io/chaos-mesh/chaos-mesh:v2.8.3", "chaos-mesh/chaos-controller-manager", "/usr/local/bin/chaos-controller-manager")),
		chaosDaemon(),
		argoCD(),
		{
			ref: "public.ecr.aws/docker/library/redis:8.2.3-alpine", userland: true,
			config: image.Config{Entrypoint: []string{"/usr/bin/redis-server"}, User: "999:999", WorkDir: "/tmp"},
		},
	}
}

// argoCD is one program under many names, with the programs that it calls.
func argoCD() recipe {
	script := func(path, text string) image.File {
		return image.File{Path: path, Mode: 0o755, Content: []byte("#!/bin/sh\n" + text)}
	}
	owned := func(path string, mode fs.FileMode) image.File {
		return image.File{Path: path, Dir: true, Mode: mode, UID: 999, GID: 999}
	}
	files := []image.File{
		// Manifests start it through this; only as process 1 it would need to reap.
		script("/usr/local/bin/entrypoint.sh", "exec \"$@\"\n"),
		script("/usr/local/bin/gpg-wrapper.sh", "exec gpg \"$@\"\n"),
		// It is run when manifests are generated, with or without signatures to verify.
		script("/usr/local/bin/git-verify-wrapper.sh", "git verify-commit \"$1\" 2>&1 || true\n"),
		owned("/home/argocd", 0o770), owned("/app/config/gpg/keys", 0o700), owned("/app/config/gpg/source", 0o755),
		owned("/app/config/ssh", 0o755), owned("/app/config/tls", 0o755),
		{Path: "/etc/ssh/ssh_known_hosts", Link: "/app/config/ssh/ssh_known_hosts"},
		// It asks git which files have changed. Of a file that was moved, git names only
		// the new place, and what was deployed from the old one would stay.
		{Path: "/etc/gitconfig", Mode: 0o644, Content: []byte("[diff]\n\trenames = false\n")},
	}
	for _, name := range []string{
		"server", "repo-server", "cmp-server", "application-controller", "dex", "notifications", "applicationset-controller", "k8s-auth", "commit-server",
	} {
		files = append(files, image.File{Path: "/usr/local/bin/argocd-" + name, Link: "argocd"})
	}
	return recipe{
		ref: "quay.io/argoproj/argocd:v3.5.7", userland: true, files: files,
		programs: map[string]string{"argo-cd/cmd": "/usr/local/bin/argocd", "helm/helm": "/usr/local/bin/helm", "kustomize/kustomize": "/usr/local/bin/kustomize"},
		config: image.Config{
			Entrypoint: []string{"/usr/bin/tini", "--"}, User: "999", WorkDir: "/home/argocd",
			Env: map[string]string{"USER": "argocd", "GRPC_ENABLE_TXT_SERVICE_CONFIG": "false"},
		},
	}
}

// chaosDaemon has, beside its own programs, stand-ins for those that upstream's image
// takes from elsewhere: nsexec runs a command in the namespaces of a process, and pause
// and memStress are components of their own.
func chaosDaemon() recipe {
	const nsexec = `#!/bin/sh
# nsexec (-m|-i|-n|-p|-u NAMESPACE)... [-l] [--] COMMAND: runs the command in these namespaces.
set -eu
args= mount= pid=
while [ $# -gt 0 ]; do
  case "$1" in
    -m) args="$args --mount=$2" mount=yes; shift 2 ;;
    -i) args="$args --ipc=$2"; shift 2 ;;
    -n) args="$args --net=$2"; shift 2 ;;
    -p) args="$args --pid=$2" pid=yes; shift 2 ;;
    -u) args="$args --uts=$2"; shift 2 ;;
    -l) shift ;;
    --keep-fd=*) shift ;;
    --) shift; break ;;
    -*) echo "nsexec: unknown option $1" >&2; exit 64 ;;
    *) break ;;
  esac
done
# Into a namespace of processes nsenter sends a child, and passes no signal on to it:
# what is to end with nsenter has to be told of its end. The program that does that is
# to be found only where the file system stays this one.
if [ -n "$pid" ] && [ -z "$mount" ]; then set -- setpriv --pdeathsig TERM -- "$@"; fi
exec nsenter $args -- "$@"
`
	return recipe{
		ref: "ghcr.io/chaos-mesh/chaos-daemon:v2.8.3", userland: true,
		files: []image.File{{Path: "/usr/local/bin/nsexec", Mode: 0o755, Content: []byte(nsexec)}},
		programs: map[string]string{
			"chaos-mesh/chaos-daemon": "/usr/local/bin/chaos-daemon", "chaos-mesh/chaos-daemon-helper": "/usr/local/bin/cdh", "pause/pause": "/usr/local/bin/pause",
			"memstress/memstress": "/usr/local/bin/memStress",
		},
	}
}

// Images builds what the node's own images lack and puts them into its registry.
// The node must run. Nothing is sent that the registry has.
func (n *Node) Images(ctx context.Context) error {
	key, err := n.imagesKey()
	if err != nil {
		return err
	}
	// The registry's files and this note live and die together.
	note := n.in("images")
	if before, err := os.ReadFile(note); err == nil && string(before) == key {
		return nil
	}
	var base v1.Layer
	for _, r := range recipes() {
		if r.userland && base == nil {
			tar, err := n.debian(ctx)
			if err != nil {
				return err
			}
			if base, err = image.Tar(tar); err != nil {
				return err
			}
		}
		if err := n.serve(ctx, r, base); err != nil {
			return err
		}
	}
	return os.WriteFile(note, []byte(key), 0o600)
}

// imagesKey names what all images are made of.
func (n *Node) imagesKey() (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, recipes(), userland(), runtime.GOARCH)
	for _, c := range components() {
		key, err := n.build.key(c)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, c.name, key)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// serve builds one image and puts it where the node finds it. base is the userland.
func (n *Node) serve(ctx context.Context, r recipe, base v1.Layer) error {
	var layers []v1.Layer
	if r.userland {
		layers = append(layers, base)
	}
	own, err := n.layer(r)
	if err != nil {
		return err
	}
	if own != nil {
		layers = append(layers, own)
	}
	cfg := r.config
	cfg.Arch = runtime.GOARCH
	img, err := image.Build(cfg, layers...)
	if err != nil {
		return fmt.Errorf("%s: %w", r.ref, err)
	}
	if err := n.Push(ctx, img, r.ref); err != nil {
		return err
	}
	return n.forget(ctx, img, r.ref)
}

// forget lets the runtime forget an image that it pulled under a tag, when that tag
// means another one by now. What runs of it goes on.
func (n *Node) forget(ctx context.Context, img v1.Image, ref string) error {
	digest, err := image.Digest(img)
	if err != nil {
		return err
	}
	full := ref
	if repository(ref) == ref {
		full = "docker.io/" + ref
	}
	program, err := n.host.Program(hosttools.Ctr)
	if err != nil {
		return err
	}
	ctr := []string{program, "--address=/run/containerd/containerd.sock", "--namespace=k8s.io", "images"}
	out, err := n.inside(ctx, append(ctr, "list", "name=="+full)...)
	if err != nil || !strings.Contains(string(out), full) || strings.Contains(string(out), digest) {
		return err
	}
	_, err = n.inside(ctx, append(ctr, "remove", full)...)
	return err
}

// inside runs a command in the node's namespaces.
func (n *Node) inside(ctx context.Context, args ...string) ([]byte, error) {
	s, err := n.load()
	if err != nil {
		return nil, err
	}
	out, err := run(ctx, "/", "nsenter", append([]string{"--target=" + strconv.Itoa(s.PID), "--mount", "--net", "--pid", "--"}, args...)...)
	if err != nil {
		return out, fmt.Errorf("%w: %s", err, lastLines(out, 5))
	}
	return out, nil
}

func (n *Node) layer(r recipe) (v1.Layer, error) {
	files := r.files
	for program, path := range r.programs {
		component, name, _ := strings.Cut(program, "/")
		from, err := n.build.find(component, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.ref, err)
		}
		files = append(files, image.Program(from, path))
	}
	if len(files) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to add to the userland
	}
	return image.Files(files...)
}

// debian makes the userland, once for each list of packages.
func (n *Node) debian(ctx context.Context) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(userland(), " ")))
	final := filepath.Join(n.build.cache, "userland-"+hex.EncodeToString(sum[:6])+".tar.gz")
	if exists(final) {
		return final, nil
	}
	n.report("making a Debian userland for images (about two minutes)")
	dir, err := os.MkdirTemp(n.build.cache, ".userland-")
	if err != nil {
		return "", fmt.Errorf("userland: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a later one has its own
	tar, packed := filepath.Join(dir, "userland.tar"), filepath.Join(dir, "userland.tar.gz")
	out, err := run(ctx, "/", "mmdebstrap", "--variant=minbase", "--include="+strings.Join(userland(), ","),
		`--dpkgopt=path-exclude=/usr/share/doc/*`, `--dpkgopt=path-exclude=/usr/share/man/*`, `--dpkgopt=path-exclude=/usr/share/locale/*`,
		// The numbers that Argo CD's manifests run as need a name.
		`--customize-hook=chroot "$1" groupadd -g 999 argocd`, `--customize-hook=chroot "$1" useradd -u 999 -g 999 -d /home/argocd -M -s /usr/sbin/nologin argocd`,
		`--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*`,
		"bookworm", tar)
	if err != nil {
		return "", fmt.Errorf("userland: %w: %s", err, lastLines(out, 15))
	}
	if err := image.Compress(tar, packed); err != nil {
		return "", err
	}
	if err := os.Rename(packed, final); err != nil {
		return "", fmt.Errorf("userland: %w", err)
	}
	return final, nil
}

// Push puts an image into the node's registry, by the socket that is root's alone.
// Whatever host its name has, the node looks for it there.
func (n *Node) Push(ctx context.Context, img v1.Image, ref string) error {
	digest, err := image.Digest(img)
	if err != nil {
		return err
	}
	transport := registry.Through(n.dir)
	defer transport.CloseIdleConnections()
	if err := image.Push(ctx, img, "registry.node/"+repository(ref), image.Insecure(), image.Through(transport)); err != nil {
		return fmt.Errorf("image %s (%s): %w", ref, digest, err)
	}
	return nil
}

// repository is the name of an image without its registry, as a mirror is asked.
func repository(ref string) string {
	host, rest, ok := strings.Cut(ref, "/")
	if !ok {
		return "library/" + ref
	}
	if strings.ContainsAny(host, ".:") || host == "localhost" {
		return rest
	}
	return ref
}
