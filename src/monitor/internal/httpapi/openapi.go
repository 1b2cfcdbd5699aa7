package httpapi

import (
	_ "embed" // the description
	"encoding/json"
	"fmt"

	"github.com/gin-gonic/gin"
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
// page that shows it.
func (a *API) describe() error {
	routes := map[string]bool{openAPIRoute: true, docsRoute: true}
	for _, r := range a.engine.Routes() {
		routes[r.Path] = true
	}
	encoded, err := describing(routes, a.cfg.Build.Version)
	if err != nil {
		return err
	}
	content := newBody(encoded)
	a.get(openAPIRoute, withoutParameters(func(c *gin.Context) { a.answer(c, content) }))
	page, err := a.site.RenderAPI(encoded)
	if err != nil {
		return err
	}
	shown := newBody(page)
	a.get(docsRoute, withoutParameters(func(c *gin.Context) {
		secure(c)
		a.send(c, "text/html; charset=utf-8", shown)
	}))
	return nil
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
