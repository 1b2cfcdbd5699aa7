package metrics

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"sync"
)

// chunk is a part of the exposition that many scrapes share. Its compressed
// form is made when the first of them asks for it.
type chunk struct {
	plain    []byte
	once     sync.Once
	deflated []byte
}

// deflaters keeps compressors for reuse: making a new one, which clears most of a
// megabyte, takes longer than compressing a chunk.
type deflaters struct{ pool sync.Pool }

// deflate returns whole blocks of a deflate stream that is not at its end: such
// streams can be put one behind the other.
func (d *deflaters) deflate(plain []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(plain) / 8)
	w, ok := d.pool.Get().(*flate.Writer)
	if ok {
		w.Reset(&b)
	} else {
		w, _ = flate.NewWriter(&b, flate.BestSpeed) // a known level cannot fail
	}
	_, _ = w.Write(plain) // nor can writing to memory
	_ = w.Flush()
	d.pool.Put(w)
	return b.Bytes()
}

// compressed returns the chunk deflated.
func (c *chunk) compressed(d *deflaters) []byte {
	c.once.Do(func() { c.deflated = d.deflate(c.plain) })
	return c.deflated
}

// gzipHead is the header of a member without name, time and system.
func gzipHead() []byte { return []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff} }

// gzipParts returns one gzip member of the chunks and of a tail, which is
// stored as it is: it is another one for each scrape, and to compress it
// would cost more than all else.
func gzipParts(d *deflaters, chunks []*chunk, tail []byte) [][]byte {
	parts := [][]byte{gzipHead()}
	sum, size := uint32(0), uint32(0)
	for _, c := range chunks {
		parts = append(parts, c.compressed(d))
		sum = crc32.Update(sum, crc32.IEEETable, c.plain)
		size += uint32(len(c.plain))
	}
	sum = crc32.Update(sum, crc32.IEEETable, tail)
	size += uint32(len(tail))
	const most = 1<<16 - 1 // of a stored block
	for {
		block := tail[:min(len(tail), most)]
		tail = tail[len(block):]
		head := []byte{byte(btoi(len(tail) == 0)), 0, 0, 0, 0}
		binary.LittleEndian.PutUint16(head[1:], uint16(len(block)))
		binary.LittleEndian.PutUint16(head[3:], ^uint16(len(block)))
		parts = append(parts, head, block)
		if len(tail) == 0 {
			break
		}
	}
	end := binary.LittleEndian.AppendUint32(nil, sum)
	return append(parts, binary.LittleEndian.AppendUint32(end, size))
}
