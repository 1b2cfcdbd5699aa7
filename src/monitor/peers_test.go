package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

func TestServicesThatRunApartAreOnePage(t *testing.T) {
	cpu := start(t, "--interval", "100ms", "--collectors", "cpu", "--drain-pause", "0s")
	page := start(t, "--interval", "100ms", "--collectors", "memory", "--peers", "cpu=http://"+cpu.address+",disk=http://127.0.0.1:1")
	look := func() (s struct {
		Readings map[string]struct{ State, Peer, Error string }
		Missing  []struct{ Collector, Error string }
	}, err error,
	) {
		_, body, err := page.get("/api/v1/snapshot?peers=include")
		return s, errors.Join(err, json.Unmarshal([]byte(body), &s))
	}
	eventually(t, "both readings are there", func() error {
		s, err := look()
		if err != nil || s.Readings["cpu"].State != "ok" || s.Readings["cpu"].Peer != "http://"+cpu.address || s.Readings["memory"].State != "ok" ||
			len(s.Missing) != 1 || !strings.Contains(s.Missing[0].Error, "refused") {
			return fmt.Errorf("%+v, %w", s, err)
		}
		return nil
	})
	cpu.signal(t, syscall.SIGKILL)
	eventually(t, "the page says that one is gone, and the other goes on", func() error {
		s, err := look()
		if err != nil || s.Readings["cpu"].State != "stale" || s.Readings["memory"].State != "ok" {
			return fmt.Errorf("%+v, %w", s, err)
		}
		_, html, err := page.get("/")
		if !strings.Contains(html, "the monitor cannot be heard") {
			return errors.Join(err, errors.New("the page says nothing"))
		}
		return nil
	})
	_, metrics, err := page.get("/metrics")
	if err != nil || strings.Contains(metrics, "monitor_cpu_") {
		t.Errorf("a peer's figures are in /metrics: %v", err)
	}
	if err := errors.Join(page.want("/api/v1/cpu", http.StatusNotFound), page.want("/readyz", http.StatusOK)); err != nil {
		t.Error(err)
	}
}
