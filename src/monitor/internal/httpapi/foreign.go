package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
)

// isProbe says whether a path is one that supervisors ask, by whatever name,
// without a password and over any connection.
func isProbe(path string) bool { return path == "/healthz" || path == "/readyz" }

// ownHost refuses requests for a host that the service is not.
func (a *API) ownHost(c *gin.Context) {
	if isProbe(c.Request.URL.Path) || a.cfg.Hosts.Serves(c.Request.Host) {
		return
	}
	problem(c, http.StatusMisdirectedRequest,
		fmt.Sprintf("this service is not %q; if it should be, give that name in --allowed-hosts", withoutPort(c.Request.Host)))
}

// ownPages refuses requests that a browser makes for a page of another site.
// Browsers say so by themselves, and no page can keep them from it.
func ownPages(c *gin.Context) {
	if path := c.Request.URL.Path; path != "/api" && !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, profilesRoute) {
		return
	}
	for _, site := range c.Request.Header.Values("Sec-Fetch-Site") {
		if strings.EqualFold(strings.TrimSpace(site), "cross-site") {
			problem(c, http.StatusForbidden, "a page of another site may not read this service: Sec-Fetch-Site is cross-site")
			return
		}
	}
	for _, origin := range c.Request.Header.Values("Origin") {
		if !isOwnOrigin(origin, c.Request) {
			problem(c, http.StatusForbidden, fmt.Sprintf("a page of another site may not read this service: Origin is %q", origin))
			return
		}
	}
}

// isOwnOrigin says whether a page of that origin is one of the service's own:
// whether it has the host and port of the request. Without TLS the scheme does
// not count, as a proxy in front may have it.
func isOwnOrigin(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || r.TLS != nil) {
		return false
	}
	return strings.EqualFold(u.Host, r.Host)
}
