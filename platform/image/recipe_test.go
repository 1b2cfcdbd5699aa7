package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ballast-sre/ballast/internal/image"
)

func TestTheMonitorsImagesDifferInWhatTheyCollectAlone(t *testing.T) {
	atRoot(t)
	bin := t.TempDir()
	layers, digests := map[string][]v1.Hash{}, map[string]string{}
	for name, collectors := range map[string]string{"monitor": "", "monitor-cpu": "cpu", "monitor-memory": "memory", "monitor-disk": "disk", "monitor-network": "network"} {
		layout := filepath.Join(t.TempDir(), "layout")
		// The other architecture is that of the same sources: compiling them takes a minute.
		code, stdout, stderr := command(t, name, "--bin-dir="+bin, "--layout="+layout)
		if code != 0 {
			t.Fatal(stderr)
		}
		if other, ok := digests[stdout]; ok {
			t.Errorf("%s is %s", name, other)
		}
		digests[stdout] = name
		img, err := image.FromLayout(layout)
		if err != nil {
			t.Fatal(err)
		}
		file, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(file.Config.Entrypoint, []string{"/monitor"}) || file.Config.Labels["org.opencontainers.image.title"] != name {
			t.Errorf("%s: %+v", name, file.Config)
		}
		var set string
		for _, variable := range file.Config.Env {
			if value, ok := strings.CutPrefix(variable, "MONITOR_COLLECTORS="); ok {
				set = value
			}
		}
		if set != collectors {
			t.Errorf("%s collects %q", name, set)
		}
		layers[name] = file.RootFS.DiffIDs
	}
	for name, ids := range layers {
		if !slices.Equal(ids, layers["monitor"]) {
			t.Errorf("%s has the layers %v, and monitor %v", name, ids, layers["monitor"])
		}
	}
}

func TestAnIndexHasAnImageForEachArchitecture(t *testing.T) {
	r, err := find("monitor-disk")
	if err != nil {
		t.Fatal(err)
	}
	// Not a program: what it holds is not the index's affair.
	bin := filepath.Join("testdata", "program")
	o := options{archs: []string{"amd64", "arm64"}, layout: filepath.Join(t.TempDir(), "layout")}
	programs := map[string]string{"amd64": bin, "arm64": bin}
	var first string
	for range 2 { // the second takes the layout that is there
		made, err := o.made("monitor-disk", r, programs)
		if err != nil {
			t.Fatal(err)
		}
		index, ok := made.(v1.ImageIndex)
		if !ok {
			t.Fatalf("%T is no index", made)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		var archs []string
		for _, m := range manifest.Manifests {
			archs = append(archs, m.Platform.OS+"/"+m.Platform.Architecture)
			img, err := index.Image(m.Digest)
			if err != nil {
				t.Fatal(err)
			}
			if file, err := img.ConfigFile(); err != nil || file.Architecture != m.Platform.Architecture || !slices.Contains(file.Config.Env, "MONITOR_COLLECTORS=disk") {
				t.Errorf("%s: %+v, %v", m.Platform, file, err)
			}
		}
		if !slices.Equal(archs, []string{"linux/amd64", "linux/arm64"}) {
			t.Errorf("it is for %v", archs)
		}
		digest, err := image.Digest(made)
		if err != nil || (first != "" && digest != first) {
			t.Errorf("%s became %s, %v", first, digest, err)
		}
		first = digest
	}
	o.archs = []string{"amd64"}
	if made, err := o.made("monitor-disk", r, programs); err != nil {
		t.Error(err)
	} else if _, ok := made.(v1.Image); !ok {
		t.Errorf("for one architecture it is a %T", made)
	}
}
