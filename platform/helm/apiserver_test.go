package helm

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

func TestTheAPIServerIsAskedWithAToken(t *testing.T) {
	c := readScrape(t, "observability-default", "apiserver")
	const account = "/var/run/secrets/kubernetes.io/serviceaccount/"
	client := c.HTTPClientConfig
	if c.Scheme != "https" || client.Authorization == nil || client.Authorization.CredentialsFile != account+"token" {
		t.Errorf("it is asked by %s, with the token of %+v", c.Scheme, client.Authorization)
	}
	if client.TLSConfig.CAFile != account+"ca.crt" || client.TLSConfig.InsecureSkipVerify || client.TLSConfig.ServerName != "kubernetes.default.svc" {
		t.Errorf("its certificate is verified by %+v", client.TLSConfig)
	}
	if time.Duration(c.ScrapeInterval) != time.Minute || time.Duration(c.ScrapeTimeout) != 10*time.Second {
		t.Errorf("it is asked every %s, within %s", c.ScrapeInterval, c.ScrapeTimeout)
	}
	if other := readScrape(t, "observability-everything", "apiserver"); time.Duration(other.ScrapeInterval) != 5*time.Minute {
		t.Errorf("the interval is %s", other.ScrapeInterval)
	}
	if d, ok := c.ServiceDiscoveryConfigs[0].(*kubernetes.SDConfig); !ok || d.Role != kubernetes.RoleEndpointSlice || len(d.NamespaceDiscovery.Names) != 1 || d.NamespaceDiscovery.Names[0] != "default" {
		t.Errorf("it is discovered by %+v", c.ServiceDiscoveryConfigs[0])
	}
	for service, want := range map[string]bool{"kubernetes": true, "somebody-elses": false} {
		lb := labels.NewBuilder(labels.FromStrings("__address__", "10.0.0.5:6443",
			"__meta_kubernetes_service_name", service, "__meta_kubernetes_endpointslice_port_name", "https"))
		if got := relabel.ProcessBuilder(lb, c.RelabelConfigs...); got != want {
			t.Errorf("service %s is asked: %t", service, got)
		}
	}
}

// It has thousands of series. Prometheus 3 writes the bound of a bucket with a fraction.
func TestOfTheAPIServerOneSeriesIsKept(t *testing.T) {
	c := readScrape(t, "observability-default", "apiserver")
	const expiry = "apiserver_client_certificate_expiration_seconds_"
	for name, tt := range map[string]struct {
		metric, le string
		want       bool
	}{
		"a week":                       {expiry + "bucket", "604800", true},
		"a week, as Prometheus has it": {expiry + "bucket", "604800.0", true},
		"ten weeks":                    {expiry + "bucket", "6048000", false},
		"a day":                        {expiry + "bucket", "86400.0", false},
		"the number of all":            {expiry + "count", "", false},
		"requests":                     {"apiserver_request_total", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			lb := labels.NewBuilder(labels.FromStrings("__name__", tt.metric, "le", tt.le))
			if got := relabel.ProcessBuilder(lb, c.MetricRelabelConfigs...); got != tt.want {
				t.Errorf("it is kept: %t", got)
			}
		})
	}
}
