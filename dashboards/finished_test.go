package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/internal/promserver"
)

// A run whose samples were kept is drawn as a living one.
func TestThePreviewOfKeptSamplesIsOfTheirRange(t *testing.T) {
	end := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	s, err := promserver.Open(promserver.Config{Dir: t.TempDir(), History: filled(end, time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, wrap := range map[string]func(io.Writer) io.WriteCloser{
		"compressed": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"plain":      func(w io.Writer) io.WriteCloser { return plain{w} },
	} {
		var text bytes.Buffer
		w := wrap(&text)
		if err := errors.Join(s.Export(t.Context(), w, end.Add(-time.Hour), end), w.Close()); err != nil {
			t.Fatal(err)
		}
		samples, out := filepath.Join(t.TempDir(), "run.om.gz"), filepath.Join(t.TempDir(), "preview.html")
		if err := os.WriteFile(samples, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		args := []string{"preview", "--out", out, "--samples", samples, "--exposition", filepath.Join("..", "docs", "metrics", "ballast.prom"), "--var", "slo=slo-2"}
		if code := command(args, nothingSet, &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
			t.Fatalf("%s: exit code %d: %s", name, code, &stderr)
		}
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"samples of " + samples, end.UTC().Format("2006-01-02 15:04"), "<dt>SLO</dt><dd>slo-2</dd>", `class="stroke s1"`, "monitor-dns-failure</a>",
		} {
			if !bytes.Contains(content, []byte(want)) {
				t.Errorf("%s: the page has no %s", name, want)
			}
		}
	}
}

// What is read into memory is bounded, also where a small file becomes a large text.
func TestSamplesThatAreTooManyAreNotRead(t *testing.T) {
	const most = 1 << 20
	for name, size := range map[string]int{"as many as may be": most, "one byte more": most + 1} {
		t.Run(name, func(t *testing.T) {
			text := bytes.Repeat([]byte("x"), size)
			var small bytes.Buffer
			z := gzip.NewWriter(&small)
			if _, err := z.Write(text); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			for _, file := range [][]byte{text, small.Bytes()} {
				in := bytes.NewReader(file)
				got, err := samplesText(in, most)
				if size <= most && (err != nil || !bytes.Equal(got, text)) {
					t.Errorf("%d bytes: %v", len(got), err)
				}
				if size > most && (err == nil || !strings.Contains(err.Error(), "more than 1 MB")) {
					t.Errorf("%d bytes are read: %v", len(got), err)
				}
			}
		})
	}
}

// plain writes without compression.
type plain struct{ io.Writer }

func (plain) Close() error { return nil }
