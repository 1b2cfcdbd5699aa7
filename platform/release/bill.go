package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bill is the bill of materials of one image, as CycloneDX 1.6 in JSON: the modules that
// the Go linker wrote into the program, the standard library, and every other file. It
// depends on the image and the revision alone, so that it has one digest.
func bill(name, arch, revision, digest string, c contents) ([]byte, error) {
	info, err := buildinfo.Read(bytes.NewReader(c.program))
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not a Go program, so its modules are not known: %w", errInvalid, c.path, err)
	}
	_, hash, _ := strings.Cut(digest, ":")
	root := cdx.Component{
		BOMRef: digest, Type: cdx.ComponentTypeContainer, Name: name, Version: digest,
		PackageURL: fmt.Sprintf("pkg:oci/%s@%s?arch=%s", name, strings.Replace(digest, ":", "%3A", 1), arch),
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hash}},
		Properties: &[]cdx.Property{{Name: "ballast:revision", Value: revision}},
	}
	components := []cdx.Component{library("stdlib", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, m := range info.Deps {
		components = append(components, moduleOf(m))
	}
	for _, at := range slices.Sorted(maps.Keys(c.others)) {
		sum := sha256.Sum256(c.others[at])
		components = append(components, cdx.Component{
			BOMRef: "file:" + at, Type: cdx.ComponentTypeFile, Name: at,
			Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
		})
	}
	refs := make([]string, len(components))
	for i, of := range components {
		refs[i] = of.BOMRef
	}
	b := cdx.NewBOM()
	b.SerialNumber = serial(digest + " " + revision)
	b.Metadata = &cdx.Metadata{Component: &root}
	b.Components = &components
	b.Dependencies = &[]cdx.Dependency{{Ref: root.BOMRef, Dependencies: &refs}}
	var text bytes.Buffer
	if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(b, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("write the bill of materials: %w", err)
	}
	return text.Bytes(), nil
}

// moduleOf is a module as it was linked: what replaces it, where something does.
func moduleOf(m *debug.Module) cdx.Component {
	if m.Replace != nil {
		c := library(m.Replace.Path, m.Replace.Version, m.Replace.Sum)
		// A directory of this repository has no version of its own.
		if m.Replace.Version == "" {
			c = library(m.Path, m.Version, "")
		}
		*c.Properties = append(*c.Properties, cdx.Property{Name: "ballast:replaces", Value: m.Path + "@" + m.Version})
		return c
	}
	return library(m.Path, m.Version, m.Sum)
}

// library is a module of Go, or its standard library under the name that scanners give it.
func library(path, version, sum string) cdx.Component {
	purl := "pkg:golang/" + path
	if version != "" {
		purl += "@" + version
	}
	properties := []cdx.Property{}
	if sum != "" {
		// The sum of go.sum: a digest of the files, not of an archive.
		properties = append(properties, cdx.Property{Name: "ballast:go.sum", Value: sum})
	}
	return cdx.Component{BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: purl, Properties: &properties}
}

// serial is the identity of a bill: a UUID of version 8, which is made of a digest.
func serial(of string) string {
	h := sha256.Sum256([]byte(of))
	h[6] = h[6]&0x0f | 0x80
	h[8] = h[8]&0x3f | 0x80
	x := hex.EncodeToString(h[:16])
	return fmt.Sprintf("urn:uuid:%s-%s-%s-%s-%s", x[:8], x[8:12], x[12:16], x[16:20], x[20:])
}

// digestOf is the digest of a file as registries write it.
func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
