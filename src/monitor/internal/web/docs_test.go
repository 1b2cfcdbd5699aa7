package web

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestThePageOfTheAPIShowsPathsParametersAndFields(t *testing.T) {
	page, err := RenderAPI([]byte(`{"info": {"title": "monitor", "version": "v<1>"}, "paths": {"/api/v1/x": {"get": {"summary": "An x.",
		"parameters": [{"name": "limit", "description": "How many.", "schema": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}}],
		"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}}}}}},
		"components": {"schemas": {"X": {"description": "One x.", "properties": {
			"list": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Y"}}, "at": {"type": "string", "format": "date-time", "description": "When."},
			"maybe": {"anyOf": [{"$ref": "#/components/schemas/Y"}, {"type": "null"}]}, "links": {"type": "object", "additionalProperties": {"type": "string"}}}},
			"Y": {"type": "string", "enum": ["a", "b"]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	root := parsed(t, page)
	got := text(root)
	for _, want := range []string{
		"API of monitor v<1>", "/api/v1/xAn x.", "limitintegerHow many. From 1 to 9. By default 3.", "application/json: X",
		"atdate-timeWhen.", "listarray of Y or null", "maybeY or null", "linksobject of string", "One of a, b.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q: %s", want, got)
		}
	}
	ids := map[string]bool{}
	for n := range root.Descendants() {
		ids[attribute(n, "id")] = true
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (n.Data == "script" || attribute(n, "style") != "") {
			t.Errorf("the page has a %s", n.Data)
		}
		if to, ok := strings.CutPrefix(attribute(n, "href"), "#"); ok && to != "Problem" && !ids[to] {
			t.Errorf("a link leads to %s, which is not there", to)
		}
	}
	if _, err := RenderAPI([]byte("[")); err == nil {
		t.Error("half a description was rendered")
	}
}
