package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestTextfilesAreOnNodesPageAlone(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "backup.prom", "# TYPE backup_age_seconds gauge\nbackup_age_seconds{job=\"nightly\"} 7\n")
	put(t, dir, "broken.prom", "broken{\n")
	m := start(t, "--interval", "100ms", "--collectors", "memory", "--textfile-dir", dir)
	shows := func(parts ...string) func() error {
		return func() error {
			_, body, err := m.get("/metrics/node")
			for _, part := range parts {
				if !strings.Contains(body, part) {
					err = errors.Join(err, fmt.Errorf("no %q in:\n%s", part, body))
				}
			}
			return err
		}
	}
	eventually(t, "the file that is right is shown", shows("backup_age_seconds{job=\"nightly\"} 7\n", "node_textfile_scrape_error 1\n", "node_textfile_mtime_seconds{file=\""+dir+"/backup.prom\"} ", "node_memory_MemTotal_bytes "))
	if _, body, err := m.get("/metrics"); err != nil || strings.Contains(body, "backup_age_seconds") {
		t.Errorf("it is in /metrics: %v", err)
	}
	put(t, dir, "broken.prom", "mended 1\n")
	eventually(t, "the other is mended", shows("mended 1\n", "node_textfile_scrape_error 0\n"))
}
