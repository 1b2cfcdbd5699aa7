package access

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

// maxFile is how large a file may be, in bytes.
const maxFile = 1 << 20

// digest tells whether any file has changed.
type digest [sha256.Size]byte

// read returns the content of a regular file: a pipe would hang, and could not
// be read again.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return content, nil
}

// sum returns the digest of files, those that cannot be read included.
func sum(paths []string) digest {
	h := sha256.New()
	for _, path := range paths {
		content, err := read(path)
		fmt.Fprintf(h, "%q %d %v\n", path, len(content), err)
		h.Write(content)
	}
	return digest(h.Sum(nil))
}
