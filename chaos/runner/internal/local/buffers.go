package local

import (
	"io"
	"sync"
)

// bufferPool lends copy buffers, to reverse proxies and links alike. The zero
// value is ready.
type bufferPool struct{ pool sync.Pool }

// Get lends a buffer.
func (b *bufferPool) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 16<<10)
}

// Put takes it back.
func (b *bufferPool) Put(buf []byte) { b.pool.Put(&buf) }

// copy is io.Copy with a lent buffer. Both ends are hidden behind plain readers
// and writers, or io.Copy would call their own copying, which is this one.
func (b *bufferPool) copy(w io.Writer, r io.Reader) (int64, error) {
	buf := b.Get()
	defer b.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buf)
}
