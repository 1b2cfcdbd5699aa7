package cluster

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	ktesting "k8s.io/client-go/testing"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func service(name, address string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "observability", Name: name, Labels: map[string]string{nameLabel: "prometheus"}},
		Spec:       corev1.ServiceSpec{ClusterIP: address, Ports: []corev1.ServicePort{{Name: "reloader", Port: 8080}, {Name: "web", Port: 9090}}},
	}
}

func TestPrometheusIsFoundByItsService(t *testing.T) {
	for name, tc := range map[string]struct {
		services []*corev1.Service
		says     string // of the error
	}{
		"one": {[]*corev1.Service{service("prometheus", "10.0.0.1")}, ""},
		"one beside the operator's, without an address": {[]*corev1.Service{service("prometheus", "10.0.0.1"), service("prometheus-operated", corev1.ClusterIPNone)}, ""},
		"none": {nil, "has 0 Services"},
		"two":  {[]*corev1.Service{service("prometheus", "10.0.0.1"), service("other", "10.0.0.2")}, "has 2 Services"},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			for _, s := range tc.services {
				if err := client.Tracker().Add(s); err != nil {
					t.Fatal(err)
				}
			}
			c := &Connection{Name: InCluster, Kubernetes: client, Config: &rest.Config{}}
			p, err := c.FindPrometheus(t.Context(), "observability")
			if tc.says != "" {
				if !errors.Is(err, fault.ErrUnreachable) || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "--prometheus-url") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || p.URL != "http://prometheus.observability.svc:9090" || p.RoundTripper != nil {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

func TestPrometheusIsReadThroughTheAPIServerWithTheRightToReadOnly(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/services") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"prometheus","labels":{"app.kubernetes.io/name":"prometheus"}},"spec":{"clusterIP":"10.0.0.1","ports":[{"name":"web","port":9090}]}}]}`)
			return
		}
		got = append(got, r.Method+" "+r.URL.Path+" "+r.FormValue("query"))
	}))
	defer server.Close()
	cfg := &rest.Config{Host: server.URL}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := (&Connection{Name: "there", Config: cfg, Kubernetes: client}).FindPrometheus(t.Context(), "observability")
	if err != nil {
		t.Fatal(err)
	}
	post := func(form string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/api/v1/query", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return p.RoundTripper.RoundTrip(req)
	}
	res, err := post("query=up%7Bjob%3D%22a%22%7D")
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	const want = `GET /api/v1/namespaces/observability/services/http:prometheus:9090/proxy/api/v1/query up{job="a"}`
	if len(got) != 1 || got[0] != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	if _, err := post("query=" + strings.Repeat("x", maxForm)); !errors.Is(err, errLongForm) { //nolint:bodyclose // there is none
		t.Errorf("a query that no server takes: %v", err)
	}
}

func TestAlertmanagerIsFoundByItsService(t *testing.T) {
	for name, tc := range map[string]struct {
		labels map[string]string
		denied bool
		url    string
		says   string
	}{
		"by its label":                    {map[string]string{nameLabel: "alertmanager"}, false, "http://pager.observability.svc:9093", ""},
		"there is none":                   {map[string]string{nameLabel: "prometheus"}, false, "", "has 0 Services with label app.kubernetes.io/name=alertmanager; give --alertmanager-url"},
		"by its name where none may look": {nil, true, "http://alertmanager.observability.svc:9093", ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(&corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Namespace: "observability", Name: "pager", Labels: tc.labels},
				Spec:       corev1.ServiceSpec{ClusterIP: "10.0.0.9", Ports: []corev1.ServicePort{{Name: "web", Port: 9093}}},
			})
			if tc.denied {
				react(&client.Fake, "list", "services", func(ktesting.Action) (bool, runtime.Object, error) {
					return true, nil, apierrors.NewForbidden(corev1.Resource("services"), "", nil)
				})
			}
			p, err := (&Connection{Name: InCluster, Kubernetes: client, Config: &rest.Config{}}).FindAlertmanager(t.Context(), "observability")
			if p.URL != tc.url || tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%q, %v", p.URL, err)
			}
		})
	}
}

// answering is a server whose answer to everything is the same.
type answering struct {
	code int
	body string
}

func (a answering) RoundTrip(req *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	rec.WriteHeader(a.code)
	_, _ = rec.WriteString(a.body) // into memory
	res := rec.Result()
	res.Request = req
	return res, nil
}

func TestWhatTheAPIServerRefusesIsNamed(t *testing.T) {
	const refusal = `{"kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":"services \"http:prometheus:9090\" is forbidden: User \"x\" cannot get resource \"services/proxy\""}`
	for name, tc := range map[string]struct {
		server answering
		code   int // 0: an error
	}{
		"a refusal of the API server":             {answering{http.StatusForbidden, refusal}, 0},
		"a refusal of the server behind it":       {answering{http.StatusForbidden, "go away"}, http.StatusForbidden},
		"another status of the API server":        {answering{http.StatusForbidden, `{"kind":"Status","reason":"Expired"}`}, http.StatusForbidden},
		"a successful answer that looks like one": {answering{http.StatusOK, refusal}, http.StatusOK},
		"a refusal that is empty":                 {answering{http.StatusForbidden, ""}, http.StatusForbidden},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+" to "+method, func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), method, "http://api/query", strings.NewReader("query=up"))
				if err != nil {
					t.Fatal(err)
				}
				res, err := getOnly{tc.server}.RoundTrip(req)
				if tc.code == 0 {
					if !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "services/proxy") {
						t.Errorf("%v, %v", res, err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				if body, err := io.ReadAll(res.Body); err != nil || string(body) != tc.server.body || res.StatusCode != tc.code {
					t.Errorf("%d %q, %v", res.StatusCode, body, err)
				}
			})
		}
	}
}
