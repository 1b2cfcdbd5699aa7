package bootstrap

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Namespace is where Argo CD lives.
const Namespace = "argocd"

// Repository and Deploy are how pods of a sandbox name its repositories.
const (
	Host       = "http://git.ballast-system.svc"
	Repository = Host + "/ballast.git"
	// Webhook is Argo CD's receiver, by its name in the cluster.
	Webhook = "http://argocd-webhook." + Namespace + ".svc.cluster.local/api/webhook"
)

// Platform is what a cluster gets.
type Platform struct {
	Checkout   string // of the repository that is deployed
	Kubectl    string // the program
	Kubeconfig string
	// Definitions are directories of custom resource definitions that the applications
	// count on.
	Definitions []string
	// ArgoCD are the upstream manifests.
	ArgoCD string
	// Environment is the directory of platform/argocd/environments.
	Environment string
	// WebhookSecret is shared with the repository server.
	WebhookSecret string
	// Remote is where the checkout is pushed to, and CredentialHelper is what git asks
	// for the password: arguments and URLs are for everybody to see.
	Remote, CredentialHelper string
	Report                   func(format string, args ...any)
}

// Install puts Argo CD onto the cluster and tells it what it has to know. It may be
// repeated: what is there already is made what it should be.
func (p Platform) Install(ctx context.Context) error {
	upstream, err := os.ReadFile(p.ArgoCD)
	if err != nil {
		return fmt.Errorf("manifests of Argo CD: %w", err)
	}
	// Its programs read their settings when they start: the settings come first, and the
	// programs that they concern restart when they change. Settings and upstream's
	// manifests have a manager each, or what upstream leaves empty would take ours away.
	settings := filepath.Join(p.Checkout, "platform", "argocd", "bootstrap", "settings.yaml")
	text, err := os.ReadFile(settings)
	if err != nil {
		return fmt.Errorf("settings of Argo CD: %w", err)
	}
	yield, err := yielding(text)
	if err != nil {
		return fmt.Errorf("%s: %w", settings, err)
	}
	mark := sha256.Sum256(text)
	argocd, err := edited(bytes.NewReader(upstream), yield,
		withoutParts("argocd-dex-server", "argocd-notifications"), // there is nobody to log in and nothing to send
		slim, stamped(hex.EncodeToString(mark[:6])), requesting("50m"))
	if err != nil {
		return fmt.Errorf("%s: %w", p.ArgoCD, err)
	}
	if err := p.define(ctx); err != nil {
		return err
	}
	if err := p.apply(ctx, namespace()); err != nil {
		return err
	}
	if err := p.hold(ctx); err != nil {
		return err
	}
	if err := p.apply(ctx, text, "--namespace="+Namespace); err != nil {
		return err
	}
	if err := p.kubectl(ctx, argocd, "apply", "--server-side", "--force-conflicts", "--field-manager=argocd", "--namespace="+Namespace, "--filename=-"); err != nil {
		return err
	}
	return p.apply(ctx, p.secrets())
}

// skipReconcile is the annotation by which Argo CD leaves an application alone.
const skipReconcile = "argocd.argoproj.io/skip-reconcile"

// hold keeps the application of these settings still, where it is there already, until
// Begin: it would put back those that were pushed before, while programs start that read
// them once.
func (p Platform) hold(ctx context.Context) error {
	for _, args := range [][]string{
		{"customresourcedefinitions", "applications.argoproj.io"},
		{"applications.argoproj.io", "bootstrap", "--namespace=" + Namespace},
	} {
		there, err := p.output(ctx, nil, append([]string{"get", "--ignore-not-found", "--output=name"}, args...)...)
		if err != nil || there == "" {
			return err
		}
	}
	return p.kubectl(ctx, nil, "annotate", "applications.argoproj.io", "bootstrap", "--overwrite", "--namespace="+Namespace, skipReconcile+"=true")
}

// namespace is that of Argo CD, which faults may hit here and on no other cluster: what is
// deployed has to serve on without it.
func namespace() []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Namespace
metadata:
  name: %s
  annotations: {chaos-mesh.org/inject: enabled}
`, Namespace)
}

// define applies the definitions, all at once.
func (p Platform) define(ctx context.Context) error {
	var all bytes.Buffer
	for _, dir := range p.Definitions {
		files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil {
			return fmt.Errorf("definitions: %w", err)
		}
		if len(files) == 0 {
			return fmt.Errorf("definitions: %s holds no *.yaml", dir)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("definitions: %w", err)
			}
			smaller, err := edited(bytes.NewReader(text), slim)
			if err != nil {
				return fmt.Errorf("definitions: %s: %w", file, err)
			}
			all.Write(smaller)
		}
	}
	if all.Len() == 0 {
		return nil
	}
	return p.apply(ctx, all.Bytes())
}

// Begin waits until Argo CD can read repositories, then tells it what to read: what
// it fails to read the first time, it looks at again only minutes later. What it is told
// is an application from then on; it is applied here nevertheless, as whoever repairs a
// cluster may have to repair that. Applications that are there already are compared
// again: where the settings changed, Argo CD does not watch the cluster until something
// is.
func (p Platform) Begin(ctx context.Context) error {
	for _, workload := range []string{"deployment/argocd-repo-server", "deployment/argocd-applicationset-controller", "deployment/argocd-server", "statefulset/argocd-application-controller"} {
		if err := p.kubectl(ctx, nil, "rollout", "status", "--namespace="+Namespace, workload, "--timeout=5m"); err != nil {
			return err
		}
	}
	own := filepath.Join(p.Checkout, "platform", "argocd", "new")
	if err := p.kubectl(ctx, nil, "apply", "--server-side", "--force-conflicts", "--field-manager=ballast", "--kustomize="+own); err != nil {
		return err
	}
	return p.kubectl(ctx, nil, "annotate", "applications.argoproj.io", "--all", "--overwrite", "--namespace="+Namespace, "argocd.argoproj.io/refresh=normal", skipReconcile+"-")
}

// secrets are the one that webhooks are signed with, and the one that tells which
// environment the cluster is and where it is read from.
func (p Platform) secrets() []byte {
	secret := base64.StdEncoding.EncodeToString([]byte(p.WebhookSecret))
	return fmt.Appendf(nil, `apiVersion: v1
kind: Secret
metadata: {name: argocd-secret, namespace: %[1]s}
data: {webhook.github.secret: %[2]s}
---
apiVersion: v1
kind: Secret
metadata:
  name: this-cluster
  namespace: %[1]s
  labels:
    argocd.argoproj.io/secret-type: cluster
    ballast.dev/environment: %[3]q
    ballast.dev/bootstrap: "true"
  annotations:
    ballast.dev/repository: %[4]s
    ballast.dev/revision: main
stringData:
  name: in-cluster
  server: https://kubernetes.default.svc
  config: '{"tlsClientConfig": {"insecure": false}}'
`, Namespace, secret, p.Environment, Repository)
}

func (p Platform) apply(ctx context.Context, manifests []byte, args ...string) error {
	return p.kubectl(ctx, manifests, append([]string{"apply", "--server-side", "--force-conflicts", "--field-manager=ballast", "--filename=-"}, args...)...)
}

func (p Platform) kubectl(ctx context.Context, stdin []byte, args ...string) error {
	_, err := p.output(ctx, stdin, args...)
	return err
}

func (p Platform) output(ctx context.Context, stdin []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.Kubectl, append([]string{"--kubeconfig=" + p.Kubeconfig}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", args[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), nil
}

// Push sends the checkout's HEAD to the cluster's repository: the deploy. It blocks
// while the builder works, for minutes the first time, and reports what the builder
// says as it says it.
func (p Platform) Push(ctx context.Context) error {
	// The empty helper comes first: git would ask those of its user's own settings, too,
	// and have them store the password.
	cmd := exec.CommandContext(ctx, "git", "-c", "safe.directory=*", "-c", "credential.helper=", "-c", "credential.helper="+p.CredentialHelper,
		"push", "--force", p.Remote+"/ballast.git", "HEAD:refs/heads/main")
	cmd.Dir = p.Checkout
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C.UTF-8")
	told, err := cmd.StderrPipe() // of git and of the other side; its stdout stays empty
	if err != nil {
		return fmt.Errorf("git push: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("git push: %w", err)
	}
	var all strings.Builder
	lines := bufio.NewReader(told)
	for {
		line, ended := lines.ReadString('\n')
		all.WriteString(line)
		if text, ok := strings.CutPrefix(line, "remote: "); ok {
			p.Report("%s", strings.TrimSpace(text))
		}
		if ended != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("git push: %w: %s", err, strings.TrimSpace(all.String()))
	}
	return nil
}
