package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of a round, in which one pod is asked.
const (
	// podTries show a loss of a quarter in three rounds of four, in the time that it
	// takes to connect alone, and are few enough to be no load.
	podTries = 5
	// podShare of the scrape's timeout is what a round may take. The rest is for the
	// answer to Prometheus: a late one would be no measurement at all.
	podShare = 0.8
	// podPatience is for those who send no timeout, which are people with curl.
	podPatience = time.Second
	// maxPodPatience keeps a header from holding connections for ever.
	maxPodPatience = 10 * time.Second
	// maxRounds are under way at once. Prometheus asks for each pod once a scrape.
	maxRounds = 128
)

// scrapeTimeout is the header in which Prometheus says how long it waits.
const scrapeTimeout = "X-Prometheus-Scrape-Timeout-Seconds"

// PodsConfig says how single pods are asked.
type PodsConfig struct {
	// URL is the one of the load. Pods are asked for the same, at their own addresses.
	// Over https, their certificate has to be valid for its host, as none names a pod's
	// address.
	URL string
	// Path is what pods are asked for, with its query; empty: that of URL. A limit of
	// bandwidth shows only in an answer that is larger than what may pass at once.
	Path string
	// Name is the label probe of every metric, as in [Config].
	Name string
	// Port is the only one that is asked.
	Port uint16
	// Credentials are sent with every request; nil for none. The generator that shares them
	// keeps the token up to date.
	Credentials *Credentials
}

// Pods asks single pods by their address, past the Service in front of them: what a
// fault does to one of three replicas, the load through the Service shows only
// diluted. It serves GET /probe?target=IP:PORT, as multi-target exporters of
// Prometheus do: each scrape is one round of fresh connections to that pod, and the
// answer is what they saw.
//
// It asks nothing but the port and path that it was started with, and only private
// addresses, and it repeats nothing of what it was answered: it is not a proxy into
// the network that it runs in.
type Pods struct {
	name   string
	port   uint16
	url    *url.URL
	dial   dialFunc
	rounds chan struct{} // a place for each round that may be under way

	credentials *Credentials
	tls         *tls.Config // nil over http
}

// NewPods checks the configuration and reports everything that is wrong with it.
func NewPods(c PodsConfig) (*Pods, error) {
	var errs []error
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("pods url: %w", err))
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		errs = append(errs, fmt.Errorf("pods url %q: want http://host[:port]/path or https", u.Redacted()))
	}
	if c.Path != "" && err == nil {
		if u, err = u.Parse(c.Path); err != nil || !strings.HasPrefix(c.Path, "/") || strings.HasPrefix(c.Path, "//") {
			errs = append(errs, fmt.Errorf("pods path %q: want a path that begins with one slash, such as /metrics", c.Path))
		}
	}
	if c.Name == "" && err == nil {
		c.Name = nameOf(u.Hostname())
	}
	if !utf8.ValidString(c.Name) {
		errs = append(errs, fmt.Errorf("pods name %q: want UTF-8, as it is the value of a label", c.Name))
	}
	if c.Port == 0 {
		errs = append(errs, errors.New("pods port 0: want the port on which pods answer, 1 to 65535"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p := &Pods{
		name: c.Name, port: c.Port, url: u,
		dial: (&net.Dialer{}).DialContext, rounds: make(chan struct{}, maxRounds),
		credentials: c.Credentials,
	}
	if u.Scheme == "https" {
		p.tls = c.Credentials.tls()
		p.tls.ServerName = u.Hostname()
	}
	return p, nil
}

// ServeHTTP asks the pod that ?target= names and answers what that was like.
func (p *Pods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, err := p.target(r.URL.Query()["target"])
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	patience, err := podTime(r.Header.Get(scrapeTimeout))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case p.rounds <- struct{}{}:
		defer func() { <-p.rounds }()
	default:
		http.Error(w, fmt.Sprintf("%d rounds are under way already; scrape less often", maxRounds), http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	newPodMetrics(p.name, p.round(ctx, target)).ServeHTTP(w, r)
}

// target reads the one address that may be asked.
func (p *Pods) target(values []string) (netip.AddrPort, error) {
	if len(values) != 1 {
		return netip.AddrPort{}, fmt.Errorf("target: %d given; want one, ?target=IP:%d", len(values), p.port)
	}
	target, err := netip.ParseAddrPort(values[0])
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("target %q: want IP:%d", values[0], p.port)
	}
	ip := target.Addr().Unmap()
	switch {
	case target.Port() != p.port:
		return netip.AddrPort{}, fmt.Errorf("target %q: only port %d is asked, which --pods-port names", values[0], p.port)
	case !podAddress(ip):
		return netip.AddrPort{}, fmt.Errorf("target %q: only private addresses are asked, as pods have", values[0])
	}
	return netip.AddrPortFrom(ip, p.port), nil
}

// podAddress says whether pods have such addresses: private ones, and those that
// providers share out to many (RFC 6598). This machine and the link, where clouds
// keep the credentials of their machines, are not among them.
func podAddress(ip netip.Addr) bool {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
	return ip.Zone() == "" && (ip.IsPrivate() || shared.Contains(ip))
}

// podTime is how long a round may take for a scrape with that timeout.
func podTime(header string) (time.Duration, error) {
	if header == "" {
		return podPatience, nil
	}
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || !(seconds > 0) { // NaN too
		return 0, fmt.Errorf("header %s: %q; want seconds, more than 0", scrapeTimeout, header)
	}
	seconds = min(seconds*podShare, maxPodPatience.Seconds())
	return time.Duration(seconds * float64(time.Second)), nil
}
