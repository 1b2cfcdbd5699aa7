package metrics

import (
	"net/http"
	"strconv"

	"github.com/prometheus/common/expfmt"
)

// negotiate returns the form that a client asks for, and its name. Also who
// would rather have Protobuf takes text.
func negotiate(r *http.Request) (format, expfmt.Format) {
	negotiated := expfmt.NegotiateAccept(r.Header, expfmt.NewFormat(expfmt.TypeOpenMetrics), expfmt.NewFormat(expfmt.TypeTextPlain))
	if negotiated.FormatType() == expfmt.TypeOpenMetrics {
		return openMetrics, negotiated
	}
	return text, negotiated
}

// send answers with chunks that scrapes share, and a tail.
func (d *deflaters) send(w http.ResponseWriter, r *http.Request, contentType expfmt.Format, chunks []*chunk, tail []byte) {
	h := w.Header()
	h.Set("Content-Type", string(contentType))
	var parts [][]byte
	if acceptsGzip(r.Header) {
		h.Set("Content-Encoding", "gzip")
		parts = gzipParts(d, chunks, tail)
	} else {
		for _, c := range chunks {
			parts = append(parts, c.plain)
		}
		parts = append(parts, tail)
	}
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	h.Set("Content-Length", strconv.Itoa(size))
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return // the client is gone
		}
	}
}
