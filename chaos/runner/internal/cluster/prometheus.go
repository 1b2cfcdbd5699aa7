package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// Prometheus is where the queries of a run go, or what else is asked over HTTP.
type Prometheus struct {
	URL string
	// RoundTripper carries the requests; nil where the URL is reached as it is.
	RoundTripper http.RoundTripper
}

// part is a part of the observability chart: how its Service is found, and its name and
// port for who may use it and may not look for others.
type part struct {
	name string // also the value of the label nameLabel
	port int32
	flag string // that says where it is
}

// FindPrometheus looks for the Prometheus in a namespace. Inside the cluster it is asked
// at its Service, from outside through the API server. The error wraps
// fault.ErrUnreachable and says what to give instead.
func (c *Connection) FindPrometheus(ctx context.Context, namespace string) (Prometheus, error) {
	return c.find(ctx, namespace, part{"prometheus", 9090, "--prometheus-url"})
}

// FindAlertmanager looks for the Alertmanager in a namespace, as FindPrometheus does.
func (c *Connection) FindAlertmanager(ctx context.Context, namespace string) (Prometheus, error) {
	return c.find(ctx, namespace, part{"alertmanager", 9093, "--alertmanager-url"})
}

func (c *Connection) find(ctx context.Context, namespace string, p part) (Prometheus, error) {
	name, port, err := c.serviceOf(ctx, namespace, p)
	if err != nil {
		return Prometheus{}, err
	}
	if c.Name == InCluster {
		return Prometheus{URL: fmt.Sprintf("http://%s.%s.svc:%d", name, namespace, port)}, nil
	}
	transport, err := rest.TransportFor(c.Config)
	if err != nil {
		return Prometheus{}, fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	at := c.Kubernetes.CoreV1().RESTClient().Get().Namespace(namespace).Resource("services").Name(fmt.Sprintf("http:%s:%d", name, port)).SubResource("proxy").URL()
	return Prometheus{URL: strings.TrimSuffix(at.String(), "/"), RoundTripper: getOnly{transport}}, nil
}

func (c *Connection) serviceOf(ctx context.Context, namespace string, p part) (name string, port int32, err error) {
	label := nameLabel + "=" + p.name
	found, err := c.Kubernetes.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: label})
	if apierrors.IsForbidden(err) {
		return p.name, p.port, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("%w: look for %s in namespace %s: %w; give %s", fault.ErrUnreachable, p.name, namespace, err, p.flag)
	}
	services := slices.DeleteFunc(found.Items, func(s corev1.Service) bool {
		return s.Spec.ClusterIP == corev1.ClusterIPNone // the operator's own, without an address
	})
	if len(services) != 1 || len(services[0].Spec.Ports) == 0 {
		return "", 0, fmt.Errorf("%w: namespace %s has %d Services with label %s; give %s", fault.ErrUnreachable, namespace, len(services), label, p.flag)
	}
	s := services[0]
	port = s.Spec.Ports[0].Port
	for _, p := range s.Spec.Ports {
		if p.Name == "web" || p.Name == "http-web" {
			port = p.Port
		}
	}
	return s.Name, port, nil
}

// getOnly asks by GET what would be asked by POST: to read through the API server then
// takes the right to get a Service's proxy, and not the one to create.
type getOnly struct{ next http.RoundTripper }

// maxForm is how long a query may be. A server refuses a longer line of a request.
const maxForm = 64 << 10

var errLongForm = errors.New("the query is too long to be asked through the API server; give --prometheus-url")

// RoundTrip implements http.RoundTripper. What the API server itself refuses is an error
// that names the right.
func (r getOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || req.Body == nil {
		return permitted(r.next.RoundTrip(req))
	}
	defer req.Body.Close()
	form, err := io.ReadAll(io.LimitReader(req.Body, maxForm+1))
	if err != nil {
		return nil, err
	}
	if len(form) > maxForm {
		return nil, errLongForm
	}
	get := req.Clone(req.Context())
	get.Method, get.Body, get.GetBody, get.ContentLength = http.MethodGet, nil, nil, 0
	get.Header.Del("Content-Type")
	get.Header.Del("Content-Length")
	get.URL.RawQuery = string(bytes.TrimSpace(form))
	return permitted(r.next.RoundTrip(get))
}

// permitted finds the answers by which an API server refuses to pass a request on; those of
// the server behind it stay.
func permitted(res *http.Response, err error) (*http.Response, error) {
	if err != nil || res.StatusCode != http.StatusForbidden {
		return res, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxForm))
	if err != nil {
		return res, errors.Join(err, res.Body.Close())
	}
	var status metav1.Status
	if json.Unmarshal(body, &status) == nil && status.Kind == "Status" && status.Reason == metav1.StatusReasonForbidden {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrForbidden, status.Message), res.Body.Close())
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), res.Body}
	return res, nil
}
