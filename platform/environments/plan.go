package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/gocty"
	"k8s.io/pod-security-admission/api"
	"sigs.k8s.io/yaml"
)

// terraform is where the environments of Azure are, from the root of the repository.
const terraform = "platform/terraform"

// plan is what a plan of an environment says with a provider that is not asked anything.
type plan struct {
	azure  bool   // false: there is no Terraform for it, as for the sandbox
	secret secret // by which Argo CD knows the cluster

	addresses string    // of the network
	zones     []string  // of the nodes on which applications run
	spot      bool      // whether there are nodes that Azure may take back
	faults    bool      // whether experiments may run
	least     api.Level // what deployment safeguards let pods be
	accounts  []string  // ServiceAccounts that Azure knows, as namespace/name
	excluded  []string  // namespaces that those leave out
}

// secret is the part of the cluster's Secret that Argo CD's generators read.
type secret struct {
	Metadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	StringData struct {
		Server string `json:"server"`
	} `json:"stringData"`
}

// sandboxPlan is the Secret that `make up` writes.
func sandboxPlan() plan {
	p := plan{faults: true}
	p.secret.Metadata.Labels = map[string]string{"ballast.dev/environment": "sandbox"}
	p.secret.Metadata.Annotations = map[string]string{"ballast.dev/repository": "http://git.ballast-system.svc/ballast.git", "ballast.dev/revision": "main"}
	p.secret.StringData.Server = "https://kubernetes.default.svc"
	return p
}

// planOf evaluates what Terraform says of an environment, with the variables and the mocks of
// its own tests.
func planOf(root, environment string) (plan, error) {
	dir := filepath.Join(root, filepath.FromSlash(terraform))
	own := filepath.Join(dir, "environments", environment)
	if _, err := os.Stat(own); err != nil && environment == "sandbox" {
		return sandboxPlan(), nil
	}
	m, err := readModule(own)
	if err != nil {
		return plan{}, err
	}
	s := &scope{module: m}
	if s.mocks, err = readMocks(filepath.Join(dir, "mocks", "azurerm.tfmock.hcl")); err != nil {
		return plan{}, err
	}
	if s.values, err = readValues(filepath.Join(dir, "root", "tests", "terraform.tfvars")); err != nil {
		return plan{}, err
	}
	p := plan{azure: true}
	v, err := s.output("environment", "cluster_secret")
	if err != nil {
		return plan{}, err
	}
	if err := yaml.Unmarshal([]byte(v.AsString()), &p.secret); err != nil {
		return plan{}, fmt.Errorf("output cluster_secret of %s: %w", environment, err)
	}
	if got := p.secret.Metadata.Labels["ballast.dev/environment"]; got != environment {
		return plan{}, fmt.Errorf("%s: cluster_secret names the environment %q; want %s", own, got, environment)
	}
	return p, p.facts(s)
}

// facts are what the cluster is beside its Secret.
func (p *plan) facts(root *scope) error {
	environment, err := root.enter("environment")
	if err != nil {
		return err
	}
	cluster, err := environment.enter("cluster")
	if err != nil {
		return err
	}
	const safeguard, pool = "azurerm_kubernetes_cluster_deployment_safeguard", "azurerm_kubernetes_cluster_node_pool"
	variable := func(s *scope, name string) func() (cty.Value, error) {
		return func() (cty.Value, error) { return s.variable(name) }
	}
	attribute := func(kind, name, a string) func() (cty.Value, error) {
		return func() (cty.Value, error) { return cluster.attribute(kind, name, a) }
	}
	var spot int
	var level string
	for _, fact := range []struct {
		of   func() (cty.Value, error)
		into any
	}{
		{variable(environment, "address_space"), &p.addresses},
		{variable(environment, "faults_allowed"), &p.faults},
		{attribute(pool, "user", "zones"), &p.zones},
		{attribute(pool, "spot", "count"), &spot},
		{attribute(safeguard, "this", "pod_security_standards_level"), &level},
		{attribute(safeguard, "this", "excluded_namespaces"), &p.excluded},
	} {
		v, err := fact.of()
		if err != nil {
			return err
		}
		if err := decodeValue(v, fact.into); err != nil {
			return fmt.Errorf("what Terraform says of %s: %w", root.dir, err)
		}
	}
	p.spot = spot > 0
	if err := p.identities(environment); err != nil {
		return err
	}
	switch level {
	case "Baseline":
		p.least = api.LevelBaseline
	case "Restricted":
		p.least = api.LevelRestricted
	default:
		p.least = api.LevelPrivileged
	}
	return nil
}

// identities are the ServiceAccounts that may ask Azure for something.
func (p *plan) identities(environment *scope) error {
	inner, err := environment.enter("identities")
	if err != nil {
		return err
	}
	v, err := inner.variable("service_accounts")
	if err != nil {
		return err
	}
	for it := v.ElementIterator(); it.Next(); {
		_, account := it.Element()
		p.accounts = append(p.accounts, account.GetAttr("namespace").AsString()+"/"+account.GetAttr("name").AsString())
	}
	return nil
}

// decodeValue reads a value of Terraform into a Go one. A list is written as a tuple.
func decodeValue(v cty.Value, into any) error {
	list, ok := into.(*[]string)
	if !ok {
		return gocty.FromCtyValue(v, into)
	}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if element.Type() != cty.String {
			return fmt.Errorf("%s is in a list of texts", element.Type().FriendlyName())
		}
		*list = append(*list, element.AsString())
	}
	return nil
}
