// Package web is the monitor's page: tables that the server writes, and a
// script and a style that keep them up to date and draw charts. It knows the
// JSON of the API and nothing else of the project. Nothing is built, and
// nothing comes from another host.
package web

import (
	"crypto/sha256"
	_ "embed" // the page's files
	"encoding/hex"
)

// Policy is the Content-Security-Policy that the page works under: what it
// needs comes from its own server, and no script or style is in the markup.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// Asset is one file that the page asks for.
type Asset struct {
	// Path is where the page looks for it, beside itself.
	Path string
	// Type is its Content-Type.
	Type string
	Body []byte
	// ETag changes with Body; it is weak, as the compressed form has it too.
	ETag string
}

// Assets returns the files that the page asks for.
func Assets() []Asset {
	return []Asset{
		asset("assets/page.css", "text/css; charset=utf-8", style),
		asset("assets/page.js", "text/javascript; charset=utf-8", script),
		asset("assets/icon.svg", "image/svg+xml", icon),
	}
}

func asset(path, contentType, body string) Asset {
	sum := sha256.Sum256([]byte(body))
	return Asset{Path: path, Type: contentType, Body: []byte(body), ETag: `W/"` + hex.EncodeToString(sum[:8]) + `"`}
}

//go:embed assets/page.html
var pageFrame string

//go:embed assets/docs.html
var docsFrame string

//go:embed assets/page.css
var style string

//go:embed assets/page.js
var script string

//go:embed assets/icon.svg
var icon string
