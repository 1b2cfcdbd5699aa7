package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheOwnNameAndThoseAllowedAreServed(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(own, ".")
	cfg := config{AllowedHosts: []string{"monitor.example"}}
	hosts, err := cfg.hosts()
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		own: true, short + ":8080": true, "monitor.example": true, "localhost": true, "127.0.0.1:80": true,
		"evil.example": false, own + ".evil.example": false,
	} {
		if got := hosts.Serves(host); got != want {
			t.Errorf("%q is served: %v, want %v", host, got, want)
		}
	}
}

func TestOnlyTheStartOfAFileIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := len(start(path)); n != 64<<10 {
		t.Errorf("%d bytes", n)
	}
	if got := start(path + "-not-there"); got != "" {
		t.Errorf("of no file: %q", got)
	}
}
