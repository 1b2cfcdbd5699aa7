package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestCommandLinesThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"nothing":            {nil, "make bench-peers"},
		"no rounds":          {[]string{"--rounds=0"}, "--rounds 0: want at least 1"},
		"no length":          {[]string{"--length=NaN"}, "--length NaN: want more than 0"},
		"a directory":        {[]string{"--monitor=" + t.TempDir()}, "is a directory"},
		"no layout":          {[]string{"--image=" + t.TempDir()}, "name an OCI layout"},
		"an unknown flag":    {[]string{"--round=1"}, "unknown flag"},
		"a flag that is odd": {[]string{"--rounds=many"}, "invalid argument"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			if code := run(tt.args, &out, &err); code != exitUsage || !strings.Contains(err.String(), tt.says) || out.Len() > 0 {
				t.Errorf("exit code %d, want %q: %s%s", code, tt.says, &err, &out)
			}
		})
	}
}

func TestWhatTheKernelSaysIsRead(t *testing.T) {
	for text, want := range map[string]time.Duration{"1500000000 20 3\n": 1500 * time.Millisecond, "0 0 0\n": 0, "": -1, "1 2\n": -1, "-1 2 3\n": -1, "x 2 3\n": -1} {
		if got, err := parseSchedstat(text); (err == nil) != (want >= 0) || err == nil && got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for text, want := range map[string]float64{"Name:\tx\nVmRSS:\t    2048 kB\nRssAnon: 1 kB\n": 2 << 20, "": -1, "VmRSS: 1 MB\n": -1, "VmRSS: x kB\n": -1} {
		if got, err := parseResident([]byte(text)); (err == nil) != (want >= 0) || err == nil && got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestQuantiles(t *testing.T) {
	for _, tt := range []struct {
		samples []float64
		q, want float64
	}{
		{[]float64{3, 1, 2}, 0.5, 2}, {[]float64{4, 1, 2, 3}, 0.5, 2.5}, {[]float64{7}, 0.99, 7}, {[]float64{0, 100}, 0.99, 99}, {[]float64{1, 2, 3}, 1, 3},
	} {
		if got := quantile(tt.samples, tt.q); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%v at %v: %v, want %v", tt.samples, tt.q, got, tt.want)
		}
	}
	if !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("of no samples there is a median")
	}
}

func TestGoalsAreReachedOrMissed(t *testing.T) {
	rows := []row{
		{what: "half", monitor: 1, other: 2, peer: "it", unit: millis, goal: 0.5},
		{what: "more than half", monitor: 1.1, other: 2, peer: "it", unit: millis, goal: 0.5},
		{what: "enough", monitor: 9, other: 10, peer: "it", unit: perSecond, goal: 0.8, atLeast: true},
		{what: "too few", monitor: 7, other: 10, peer: "it", unit: perSecond, goal: 0.8, atLeast: true},
		{what: "by itself", monitor: 0.1, unit: ofACore, goal: 0.2},
		{what: "not measured", monitor: math.NaN(), unit: ofACore, goal: 0.2},
	}
	var said []string
	for _, r := range rows {
		said = append(said, fmt.Sprint(r.reached()))
	}
	if got := strings.Join(said, " "); got != "true false true false true false" {
		t.Error(got)
	}
	text := table(rows)
	for _, part := range []string{
		"| half | 1000.00 ms | 2000.00 ms (it) | 0.50× | at most 0.50× | reached |\n", "| 0.55× | at most 0.50× | **missed** |\n",
		"| too few | 7/s | 10/s (it) | 0.70× | at least 0.80× | **missed** |\n", "| by itself | 10.00% of a core |  |  | at most 20.00% of a core | reached |\n",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
	// Nothing was measured: nothing is reached.
	empty := &measurement{}
	if rows, missed := empty.rows(); missed != len(rows) || missed == 0 {
		t.Errorf("%d of %d goals are missed without a measurement", missed, len(rows))
	}
}

func TestAProcessIsMeasuredFromOutside(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	// The shell spins for a while, and says where it "listens".
	if err := os.WriteFile(program, []byte("#!/bin/sh\ni=0; while [ $i -lt 20000 ]; do i=$((i+1)); done\necho 'bare handler on 127.0.0.1:1'\nexec sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := begin(t.Context(), bareListens, "/bin/sh", program)
	if err != nil {
		t.Fatal(err)
	}
	defer p.end()
	if p.address != "127.0.0.1:1" {
		t.Errorf("it is at %q", p.address)
	}
	if used, err := p.processorTime(); err != nil || used <= 0 {
		t.Errorf("it used %s, %v", used, err)
	}
	if rss, err := p.resident(); err != nil || rss <= 0 {
		t.Errorf("it holds %v, %v", rss, err)
	}
	if _, err := begin(t.Context(), bareListens, "/bin/sh", "-c", "echo because; exit 3"); err == nil || !strings.Contains(err.Error(), "exit status 3: because") {
		t.Errorf("a program that ends: %v", err)
	}
}

func TestClientsAskAsTheyAreTold(t *testing.T) {
	var asked, compressed atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			_, _ = fmt.Fprint(w, "event: snapshot\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		asked.Add(1)
		if r.Header.Get("Accept-Encoding") == "gzip" {
			compressed.Add(1)
		}
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	if took, err := paced(t.Context(), server.URL, true, time.Millisecond, 5); err != nil || len(took) != 5 || asked.Load() != 6 || compressed.Load() != 6 {
		t.Errorf("%d scrapes of %d requests, %d compressed, %v", len(took), asked.Load(), compressed.Load(), err)
	}
	if n, err := saturate(t.Context(), server.URL, 2, 20*time.Millisecond); err != nil || n == 0 {
		t.Errorf("%d answers, %v", n, err)
	}
	if _, err := saturate(t.Context(), server.URL+"/broken", 2, time.Second); err == nil {
		t.Error("a failing server is fast")
	}
	if _, err := paced(t.Context(), server.URL+"/broken", false, time.Millisecond, 1); err == nil {
		t.Error("a failing server is scraped")
	}
	stop, err := listen(t.Context(), strings.TrimPrefix(server.URL, "http://"), "/stream", 10)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := listen(ctx, "127.0.0.1:1", "/stream", 2); err == nil {
		t.Error("nobody is listened to")
	}
}
