package source

import (
	"fmt"
	"net"
	"strconv"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// hostKubeconfig writes the administrator's kubeconfig with the port on the host's
// loopback, and names in it that do not collide with those of other clusters.
func (n *Node) hostKubeconfig(s settings) error {
	// super-admin works before RBAC has been bootstrapped, and whatever has become
	// of it since.
	config, err := clientcmd.LoadFromFile(n.in("kubeconfig", "super-admin.conf"))
	if err != nil {
		return fmt.Errorf("kubeconfig of the host: %w", err)
	}
	at := config.Contexts[config.CurrentContext]
	if at == nil || config.Clusters[at.Cluster] == nil || config.AuthInfos[at.AuthInfo] == nil {
		return fmt.Errorf("kubeconfig of the host: %s has no usable context", n.in("kubeconfig", "super-admin.conf"))
	}
	cluster := config.Clusters[at.Cluster].DeepCopy()
	cluster.Server = "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(s.HostPort))
	own := "ballast-" + n.name
	out := api.Config{
		Clusters:       map[string]*api.Cluster{own: cluster},
		AuthInfos:      map[string]*api.AuthInfo{own: config.AuthInfos[at.AuthInfo]},
		Contexts:       map[string]*api.Context{own: {Cluster: own, AuthInfo: own}},
		CurrentContext: own,
	}
	if err := clientcmd.WriteToFile(out, n.Kubeconfig()); err != nil {
		return fmt.Errorf("kubeconfig of the host: %w", err)
	}
	return nil
}

// Context is the name of the cluster's context in its kubeconfig.
func (n *Node) Context() string { return "ballast-" + n.name }
