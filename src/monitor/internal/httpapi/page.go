package httpapi

import (
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/web"
)

// servePage adds the page and the files that it asks for.
func (a *API) servePage(newest func() (*wholeEncoding, error)) {
	a.get("/", withoutParameters(a.page(newest)))
	for _, file := range web.Assets() {
		a.get("/"+file.Path, withoutParameters(a.asset(file)))
	}
}

// pageEncoding is the page of one snapshot.
type pageEncoding struct {
	of   *wholeEncoding
	body *body
}

// page returns the handler of the page, which is written once a snapshot.
func (a *API) page(newest func() (*wholeEncoding, error)) gin.HandlerFunc {
	var mu sync.Mutex // so that one request writes it, and others wait
	var last pageEncoding
	written := func(whole *wholeEncoding) (*body, error) {
		mu.Lock()
		defer mu.Unlock()
		if last.of == whole {
			return last.body, nil
		}
		content, err := web.Render(a.contents(whole))
		if err != nil {
			return nil, err
		}
		last = pageEncoding{of: whole, body: newBody(content)}
		return last.body, nil
	}
	return func(c *gin.Context) {
		whole, err := newest()
		if err != nil {
			a.notEncoded(c, "snapshot", err)
			return
		}
		content, err := written(whole)
		if err != nil {
			a.notEncoded(c, "page", err)
			return
		}
		secure(c)
		a.send(c, htmlType, content)
	}
}

func (a *API) contents(whole *wholeEncoding) web.Page {
	p := web.Page{
		Snapshot: whole.body.plain, Interval: a.cfg.Interval, History: a.cfg.History != nil,
		Version: a.cfg.Build.Version + " " + a.cfg.Build.Revision, Now: time.Now(),
	}
	for _, name := range a.cfg.Collectors {
		p.Collectors = append(p.Collectors, string(name))
	}
	if a.cfg.Peers != nil {
		p.Peers = true
		peers, _ := a.cfg.Peers()
		for _, peer := range peers {
			p.Collectors = append(p.Collectors, string(peer.Collector))
		}
	}
	if a.cfg.History != nil {
		p.Newest = a.cfg.History.Newest()
	}
	return p
}

// asset returns the handler of a file of the page. A client that has it
// already is told so.
func (a *API) asset(file web.Asset) gin.HandlerFunc {
	content := newBody(file.Body)
	return func(c *gin.Context) {
		secure(c)
		h := c.Writer.Header()
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", file.ETag)
		if c.GetHeader("If-None-Match") == file.ETag {
			c.Status(http.StatusNotModified)
			return
		}
		a.send(c, file.Type, content)
	}
}

// secure keeps the page to itself: it runs nothing but its own script, asks
// its own server alone, and is in no frame of another.
func secure(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", web.Policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
}
