package httpapi

import (
	_ "embed" // the description
	"encoding/json"
	"fmt"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/web"
)

const (
	openAPIRoute = "/api/v1/openapi.json"
	docsRoute    = "/api/v1/docs"
)

// description is written by TestGoldenOpenAPI from the types of the answers,
// and describes every route that there can be.
//
//go:embed openapi.json
var description []byte

// describe adds the description of the routes that were added before, and the
// page that shows it. Both are made when they are asked for the first time:
// few processes ever are.
func (a *API) describe() {
	routes := map[string]bool{openAPIRoute: true, docsRoute: true}
	for _, r := range a.engine.Routes() {
		routes[r.Path] = true
	}
	described := sync.OnceValues(func() (*body, error) {
		encoded, err := describing(routes, a.cfg.Build.Version)
		return newBody(encoded), err
	})
	shown := sync.OnceValues(func() (*body, error) {
		content, err := described()
		if err != nil {
			return nil, err
		}
		page, err := web.RenderAPI(content.plain)
		return newBody(page), err
	})
	a.get(openAPIRoute, withoutParameters(func(c *gin.Context) {
		content, err := described()
		if err != nil {
			a.notEncoded(c, "description", err)
			return
		}
		a.answer(c, content)
	}))
	a.get(docsRoute, withoutParameters(func(c *gin.Context) {
		content, err := shown()
		if err != nil {
			a.notEncoded(c, "description", err)
			return
		}
		secure(c)
		a.send(c, htmlType, content)
	}))
}

// describing returns the description with those paths alone that are routes.
func describing(routes map[string]bool, version string) ([]byte, error) {
	var d map[string]any
	if err := json.Unmarshal(description, &d); err != nil {
		return nil, fmt.Errorf("openapi.json: %w", err)
	}
	paths, ok := d["paths"].(map[string]any)
	info, okInfo := d["info"].(map[string]any)
	if !ok || !okInfo {
		return nil, fmt.Errorf("openapi.json: it has no paths or no info")
	}
	info["version"] = version
	for path := range paths {
		if !routes[path] {
			delete(paths, path)
		}
	}
	return json.Marshal(d)
}
