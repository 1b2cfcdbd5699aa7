package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ballast-sre/ballast/internal/image"
)

// record describes a release; it is the file release.json of its directory.
type record struct {
	Revision string           `json:"revision"` // commit of the sources
	Images   map[string]built `json:"images"`
	Scan     *scanned         `json:"scan,omitempty"` // nil before the scan
}

// built is one image, for all of its architectures.
type built struct {
	Digest    string              `json:"digest"` // of the index that lists them
	Platforms map[string]platform `json:"platforms"`
}

// platform is the image of one architecture.
type platform struct {
	Digest string `json:"digest"`
	Bill   string `json:"bill"` // digest of the file of its bill of materials
}

// scanned is the result of the scan of all images.
type scanned struct {
	Status   string   `json:"status"` // clean, vulnerable or not scanned
	Database string   `json:"database,omitempty"`
	Modified string   `json:"modified,omitempty"` // of the database, RFC 3339
	Scanner  string   `json:"scanner,omitempty"`
	Notes    []string `json:"notes"`  // what was found, excepted, or could not be scanned
	Images   []string `json:"images"` // digests of the platforms that were looked at, sorted
}

// The status of a scan.
const (
	statusClean      = "clean"
	statusVulnerable = "vulnerable"
	statusNotScanned = "not scanned"
)

func (r record) names() []string { return slices.Sorted(maps.Keys(r.Images)) }

// platforms are the digests of all images of all architectures, sorted.
func (r record) platforms() []string {
	var all []string
	for _, b := range r.Images {
		for _, p := range b.Platforms {
			all = append(all, p.Digest)
		}
	}
	slices.Sort(all)
	return all
}

// The files of a release.
func recordFile(dir string) string      { return filepath.Join(dir, "release.json") }
func layoutDir(dir, name string) string { return filepath.Join(dir, name, "image") }
func billFile(dir, name, arch string) string {
	return filepath.Join(dir, name, "bill-"+arch+".cdx.json")
}
func programFile(dir, name, arch string) string { return filepath.Join(dir, name, "program-"+arch) }
func publicFile(dir string) string              { return filepath.Join(dir, "release.pub") }
func signatureFile(dir, name string) string     { return filepath.Join(dir, name, "signature.json") }

// load reads the record and the images that it names. The error wraps errInvalid.
func load(dir string) (record, map[string]v1.ImageIndex, error) {
	var r record
	file := recordFile(dir)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil, fmt.Errorf("%w: %s does not exist; build first", errInvalid, file)
	}
	if err != nil {
		return r, nil, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, nil, fmt.Errorf("%w: %s: %w; build again", errInvalid, file, err)
	}
	if len(r.Images) == 0 {
		return r, nil, fmt.Errorf("%w: %s names no image; build again", errInvalid, file)
	}
	all := map[string]v1.ImageIndex{}
	for name, b := range r.Images {
		index, err := indexOf(layoutDir(dir, name))
		if err != nil {
			return r, nil, fmt.Errorf("%w: %w; build again", errInvalid, err)
		}
		digest, err := image.Digest(index)
		if err != nil {
			return r, nil, fmt.Errorf("%w: %s: %w", errInvalid, name, err)
		}
		if digest != b.Digest {
			return r, nil, fmt.Errorf("%w: %s holds %s, and %s says %s; build again", errInvalid, layoutDir(dir, name), digest, file, b.Digest)
		}
		all[name] = index
	}
	return r, all, nil
}

// readBill reads a bill of materials, which has to be the one that was built. The error
// wraps errInvalid.
func readBill(dir, name, arch string, p platform) ([]byte, error) {
	file := billFile(dir, name, arch)
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: the bill of materials: %w; build again", errInvalid, err)
	}
	if digest := digestOf(text); digest != p.Bill {
		return nil, fmt.Errorf("%w: %s changed after the build: its digest is %s, and %s says %s; build again", errInvalid, file, digest, recordFile(dir), p.Bill)
	}
	return text, nil
}

// indexOf reads the only index of a layout.
func indexOf(dir string) (v1.ImageIndex, error) {
	artifact, err := image.ArtifactFromLayout(dir)
	if err != nil {
		return nil, err
	}
	index, ok := artifact.(v1.ImageIndex)
	if !ok {
		return nil, fmt.Errorf("%s holds an image for one architecture, want an index", dir)
	}
	return index, nil
}

// save writes the record as a whole or not at all.
func save(dir string, r record) error { return writeJSON(recordFile(dir), r) }

func writeJSON(file string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
