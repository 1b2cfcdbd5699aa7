package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/internal/prom"
)

// localRun is the URL of the Prometheus of the newest run on this machine that answers, or
// empty. A run on target local notes it in its directory (docs/reference/target-local.md).
func localRun(ctx context.Context, temp string, user int) string {
	paths, err := filepath.Glob(filepath.Join(temp, "ballast-"+strconv.Itoa(user), "run-*", "prometheus.url"))
	if err != nil {
		return ""
	}
	written := map[string]time.Time{}
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			written[path] = info.ModTime()
		}
	}
	newest := slices.SortedFunc(maps.Keys(written), func(a, b string) int { return written[b].Compare(written[a]) })
	for _, path := range newest {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // the run has ended since
		}
		at := strings.TrimSpace(string(content))
		if responds(ctx, at) {
			return at
		}
	}
	return ""
}

// responds is whether a Prometheus answers a query there, soon.
func responds(ctx context.Context, at string) bool {
	client, err := prom.New(prom.Config{URL: at, Timeout: 2 * time.Second})
	if err != nil {
		return false
	}
	defer client.Close()
	_, err = client.Instant(ctx, "vector(1)", time.Time{})
	return err == nil
}
