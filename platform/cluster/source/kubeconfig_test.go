package source

import (
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// superAdmin is the kubeconfig as kubeadm makes it.
func superAdmin() *api.Config {
	c := api.NewConfig()
	c.Clusters["test"] = &api.Cluster{Server: "https://10.89.0.2:6443", CertificateAuthorityData: []byte("authority")}
	c.AuthInfos["kubernetes-super-admin"] = &api.AuthInfo{ClientCertificateData: []byte("certificate"), ClientKeyData: []byte("key")}
	c.Contexts["kubernetes-super-admin@test"] = &api.Context{Cluster: "test", AuthInfo: "kubernetes-super-admin"}
	c.CurrentContext = "kubernetes-super-admin@test"
	return c
}

func TestTheHostReachesTheAPIServerThroughItsOwnPort(t *testing.T) {
	n := nodeIn(t)
	if err := clientcmd.WriteToFile(*superAdmin(), n.in("kubeconfig", "super-admin.conf")); err != nil {
		t.Fatal(err)
	}
	if err := n.hostKubeconfig(settings{HostPort: 40443}); err != nil {
		t.Fatal(err)
	}
	got, err := clientcmd.LoadFromFile(n.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	at := got.Contexts[got.CurrentContext]
	if got.CurrentContext != n.Context() || at == nil || len(got.Contexts) != 1 {
		t.Fatalf("its contexts are %v, and %s counts", got.Contexts, got.CurrentContext)
	}
	if c := got.Clusters[at.Cluster]; c == nil || c.Server != "https://127.0.0.1:40443" || string(c.CertificateAuthorityData) != "authority" {
		t.Errorf("the cluster is %+v", c)
	}
	if who := got.AuthInfos[at.AuthInfo]; who == nil || string(who.ClientKeyData) != "key" || string(who.ClientCertificateData) != "certificate" {
		t.Error("the host cannot say who it is")
	}
	own, err := clientcmd.LoadFromFile(n.in("kubeconfig", "super-admin.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if server := own.Clusters["test"].Server; server != "https://10.89.0.2:6443" {
		t.Errorf("the node's own now reaches %s", server)
	}
}

func TestAKubeconfigThatIsOfNoUse(t *testing.T) {
	for name, breaks := range map[string]func(*api.Config){
		"no context that counts": func(c *api.Config) { c.CurrentContext = "" },
		"a context that is not":  func(c *api.Config) { c.CurrentContext = "other" },
		"a context of no cluster": func(c *api.Config) {
			c.Contexts[c.CurrentContext].Cluster = "other"
		},
		"a context of nobody": func(c *api.Config) { c.Contexts[c.CurrentContext].AuthInfo = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			n, c := nodeIn(t), superAdmin()
			breaks(c)
			if err := clientcmd.WriteToFile(*c, n.in("kubeconfig", "super-admin.conf")); err != nil {
				t.Fatal(err)
			}
			if err := n.hostKubeconfig(settings{}); err == nil || !strings.Contains(err.Error(), "has no usable context") {
				t.Errorf("%v", err)
			}
		})
	}
	if err := nodeIn(t).hostKubeconfig(settings{}); err == nil || !strings.HasPrefix(err.Error(), "kubeconfig of the host: ") {
		t.Errorf("none at all: %v", err)
	}
}
