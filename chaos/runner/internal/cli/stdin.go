package cli

import (
	"context"
	"io"
)

// interruptible reads from another reader until a context ends. Nothing ends a read of a
// terminal or a pipe that brings nothing: what is under way then is left alone, and ends
// with the process.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

// Read returns the context's error once that has ended.
func (r interruptible) Read(p []byte) (int, error) {
	type answer struct {
		n   int
		err error
	}
	own := make([]byte, len(p)) // p is the caller's again when Read returns
	read := make(chan answer, 1)
	go func() {
		n, err := r.from.Read(own)
		read <- answer{n, err}
	}()
	select {
	case a := <-read:
		return copy(p, own[:a.n]), a.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}
