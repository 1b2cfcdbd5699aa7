package httpapi

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

// minCompressed is the size in bytes from which on an answer is compressed:
// a smaller one fits into one packet as it is.
const minCompressed = 1400

// body is an answer that all clients share that ask for it. Its compressed
// form is made when the first of them takes it.
type body struct {
	plain []byte
	once  sync.Once
	gzip  []byte
}

func newBody(plain []byte) *body { return &body{plain: plain} }

// packer compresses. A writer takes more memory than most answers, so that
// they are used again.
type packer struct{ writers sync.Pool }

func newPacker() *packer {
	return &packer{writers: sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is known
		return w
	}}}
}

// pack returns the compressed form, or nil if it is no smaller.
func (p *packer) pack(b *body) []byte {
	b.once.Do(func() {
		w, ok := p.writers.Get().(*gzip.Writer)
		if !ok {
			return
		}
		defer p.writers.Put(w)
		var packed bytes.Buffer
		packed.Grow(len(b.plain) / 4)
		w.Reset(&packed)
		// Writing to memory cannot fail.
		_, _ = w.Write(b.plain)
		_ = w.Close()
		if packed.Len() < len(b.plain) {
			b.gzip = packed.Bytes()
		}
	})
	return b.gzip
}

// send answers 200 with bytes whose length the client knows beforehand,
// compressed if it takes them so.
func (a *API) send(c *gin.Context, contentType string, b *body) {
	h := c.Writer.Header()
	h.Add("Vary", "Accept-Encoding")
	bytes := b.plain
	if len(bytes) >= minCompressed && acceptsGzip(c.Request.Header) {
		if packed := a.packer.pack(b); packed != nil {
			h.Set("Content-Encoding", "gzip")
			bytes = packed
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(bytes)))
	c.Data(http.StatusOK, contentType, bytes)
}

// answer sends JSON.
func (a *API) answer(c *gin.Context, b *body) { a.send(c, jsonType, b) }

// acceptsGzip says whether a client takes gzip; what is said of gzip itself
// goes before what is said of any coding (RFC 9110, 12.5.3).
func acceptsGzip(h http.Header) bool {
	other := false
	for _, value := range h.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(value, ",") {
			name, quality, _ := strings.Cut(strings.ToLower(strings.Join(strings.Fields(coding), "")), ";")
			weight, err := strconv.ParseFloat(strings.TrimPrefix(quality, "q="), 64)
			accepted := quality == "" || err == nil && weight > 0
			switch name {
			case "gzip", "x-gzip":
				return accepted
			case "*":
				other = accepted
			}
		}
	}
	return other
}
