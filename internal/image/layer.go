package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// File is one entry of a layer. Exactly one of From, Content, Link and Dir says
// what it is.
type File struct {
	Path string      // absolute, in the image
	Mode fs.FileMode // permission bits; 0 is 0755 for directories and programs read From, 0644 for content
	UID  int
	GID  int

	From    string // a file of this machine, read when the layer is made
	Content []byte
	Link    string // target of a symbolic link
	Dir     bool
}

// Files makes a layer of files, their parent directories included. The order
// given does not matter, nor do the times of the files.
func Files(files ...File) (v1.Layer, error) {
	all, err := withParents(files)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range all {
		if err := f.write(w); err != nil {
			return nil, fmt.Errorf("image: %s: %w", f.Path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return layerOf(buf.Bytes())
}

// Tar makes a layer of a tar archive of this machine, such as a Debian userland, as
// it is. One that is compressed with gzip is not compressed again.
func Tar(file string) (v1.Layer, error) {
	l, err := tarball.LayerFromFile(file, tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return l, nil
}

// Compress writes a tar archive compressed as layers are, so that it is done once.
func Compress(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	defer in.Close() //nolint:errcheck // read only
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	defer func() {
		if e := out.Close(); e != nil && err == nil {
			err = fmt.Errorf("image: %w", e)
		}
	}()
	w, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	if _, err := io.Copy(w, in); err != nil {
		return fmt.Errorf("image: compress %s: %w", from, err)
	}
	return w.Close()
}

// layerOf compresses once, at the fastest level: the images stay on one machine
// or go into one registry, and are made while somebody waits.
func layerOf(data []byte) (v1.Layer, error) {
	l, err := tarball.LayerFromOpener(
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithCompressedCaching, tarball.WithMediaType(types.OCILayer),
	)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return l, nil
}

// withParents adds the directories that the files lie in, checks all and sorts.
func withParents(files []File) ([]File, error) {
	known := map[string]bool{"/": true}
	var errs []error
	var out []File
	for _, f := range files {
		if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "/" {
			errs = append(errs, fmt.Errorf("image: %q is not an absolute, clean path of a file", f.Path))
			continue
		}
		if known[f.Path] {
			errs = append(errs, fmt.Errorf("image: %s is given twice", f.Path))
			continue
		}
		known[f.Path] = true
		out = append(out, f)
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); !known[dir]; dir = path.Dir(dir) {
			known[dir] = true
			out = append(out, File{Path: dir, Dir: true})
		}
	}
	slices.SortFunc(out, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return out, errors.Join(errs...)
}

func (f File) write(w *tar.Writer) error {
	h := &tar.Header{
		Name: strings.TrimPrefix(f.Path, "/"), Uid: f.UID, Gid: f.GID, ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
	}
	mode := func(otherwise fs.FileMode) {
		m := f.Mode
		if m == 0 {
			m = otherwise
		}
		h.Mode = int64(m.Perm())
		if m&fs.ModeSticky != 0 {
			h.Mode |= 0o1000
		}
	}
	content := f.Content
	switch {
	case f.Dir:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		mode(0o755)
	case f.Link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Link, 0o777
	case f.From != "":
		var err error
		if content, err = os.ReadFile(f.From); err != nil {
			return err
		}
		mode(0o755)
		h.Size = int64(len(content))
	default:
		mode(0o644)
		h.Size = int64(len(content))
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// Program is a file with one static program.
func Program(from, in string) File { return File{Path: in, From: from} }

// Accounts are the files that give root and the unprivileged user a name, and a
// directory for temporary files: what a program without a userland may look for.
func Accounts() []File {
	return []File{
		{Path: "/etc/passwd", Content: fmt.Appendf(nil, "root:x:0:0:root:/:/sbin/nologin\nnobody:x:%d:%d:nobody:/:/sbin/nologin\n", Nobody, Nobody)},
		{Path: "/etc/group", Content: fmt.Appendf(nil, "root:x:0:\nnobody:x:%d:\n", Nobody)},
		{Path: "/tmp", Dir: true, Mode: fs.ModeSticky | 0o777},
	}
}
