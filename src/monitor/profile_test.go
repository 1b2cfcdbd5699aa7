package main

import (
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ballast-sre/ballast/src/monitor/internal/app"
)

func TestAProfileDoesNotHoldTheDrain(t *testing.T) {
	m := start(t, "--pprof", "--drain-pause", "0s", "--drain-timeout", "1h")
	got := make(chan int, 1)
	go func() {
		status, _, err := m.get("/debug/pprof/trace?seconds=60")
		if err != nil {
			t.Errorf("the trace was cut: %v", err)
		}
		got <- status
	}()
	eventually(t, "the trace is being made", func() error {
		_, body, err := m.get("/metrics")
		if !strings.Contains(body, "\nmonitor_http_requests_in_flight 2\n") { // the scrape is one
			err = errors.Join(err, errors.New("no other request is in flight"))
		}
		return err
	})
	began := time.Now()
	m.signal(t, syscall.SIGTERM)
	if status := <-got; status != http.StatusOK || time.Since(began) > 50*time.Second {
		t.Errorf("the trace: status %d after %s", status, time.Since(began))
	}
	wantExit(t, m.cmd, m.stderr, app.ExitOK)
}
