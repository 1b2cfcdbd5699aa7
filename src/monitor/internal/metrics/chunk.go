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

// compressed returns the chunk as whole blocks of a deflate stream that is
// not at its end: such streams can be put one behind the other.
func (c *chunk) compressed() []byte {
	c.once.Do(func() {
		var b bytes.Buffer
		b.Grow(len(c.plain) / 8)
		// Neither writing to memory nor a known level can fail.
		w, _ := flate.NewWriter(&b, flate.BestSpeed)
		_, _ = w.Write(c.plain)
		_ = w.Flush()
		c.deflated = b.Bytes()
	})
	return c.deflated
}

// gzipHead is the header of a member without name, time and system.
func gzipHead() []byte { return []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff} }

// gzipParts returns one gzip member of the chunks and of a tail, which is
// stored as it is: it is another one for each scrape, and to compress it
// would cost more than all else.
func gzipParts(chunks []*chunk, tail []byte) [][]byte {
	parts := [][]byte{gzipHead()}
	sum, size := uint32(0), uint32(0)
	for _, c := range chunks {
		parts = append(parts, c.compressed())
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
