//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// ask gets a path of a service, NAME:PORT, of one of the pods that stand behind it and
// are ready, as `kubectl port-forward` does. The API server's own proxy asks from an
// address that policies keep out, where the pod is on another node. An answer other
// than 2xx is an error.
func ask(ctx context.Context, ns, service, path string, params ...string) (body []byte, err error) {
	pod, port, err := behind(ctx, ns, service)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		query.Add(params[i], params[i+1])
	}
	err = forwarded(ctx, ns, pod, port, func(address string) error {
		at := url.URL{Scheme: "http", Host: address, Path: "/" + path, RawQuery: query.Encode()}
		body, err = get(ctx, at.String())
		return err
	})
	return body, err
}

// behind is a pod that a port of a service leads to, and the port there.
func behind(ctx context.Context, ns, service string) (pod string, port int32, err error) {
	name, portName, _ := strings.Cut(service, ":")
	slices, err := on.DiscoveryV1().EndpointSlices(ns).List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + name})
	if err != nil {
		return "", 0, err
	}
	type place struct {
		pod  string
		port int32
	}
	var places []place
	for _, s := range slices.Items {
		for _, p := range s.Ports {
			if p.Name == nil || *p.Name != portName || p.Port == nil {
				continue
			}
			for _, e := range s.Endpoints {
				if e.TargetRef != nil && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
					places = append(places, place{e.TargetRef.Name, *p.Port})
				}
			}
		}
	}
	if len(places) == 0 {
		return "", 0, fmt.Errorf("nobody is ready behind %s of %s", service, ns)
	}
	one := places[rand.IntN(len(places))]
	return one.pod, one.port, nil
}

// forwarded lets do reach a port of a pod at an address of this machine, until it
// returns.
func forwarded(ctx context.Context, ns, pod string, port int32, do func(address string) error) error {
	to := on.CoreV1().RESTClient().Post().Resource("pods").Namespace(ns).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(on.config)
	if err != nil {
		return err
	}
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, to)
	stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var complaint bytes.Buffer
	f, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", port)}, stop, ready, io.Discard, &complaint)
	if err != nil {
		return err
	}
	var failed error // once it has ended
	go func() { failed = f.ForwardPorts(); close(ended) }()
	select {
	case <-ended:
		return fmt.Errorf("forward port %d of %s: %w", port, pod, failed)
	case <-ctx.Done():
		close(stop)
		<-ended
		return errors.Join(ctx.Err(), failed)
	case <-ready:
	}
	ports, err := f.GetPorts()
	if err == nil {
		err = do(net.JoinHostPort("127.0.0.1", strconv.Itoa(int(ports[0].Local))))
	}
	close(stop)
	<-ended // how a connection ends that nobody needs any more is of no interest
	if err != nil && complaint.Len() > 0 {
		err = fmt.Errorf("%w: %s", err, lastLine(complaint.String()))
	}
	return err
}

func get(ctx context.Context, at string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return body, err
}
