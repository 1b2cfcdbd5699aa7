//go:build integration && linux

package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// service is a process of the monitor.
type service struct {
	cmd     *exec.Cmd
	address string
}

// serving starts the monitor with arguments and waits until it is ready. It is killed
// at the end of the test.
func serving(t *testing.T, args ...string) *service {
	t.Helper()
	file := filepath.Join(t.TempDir(), "address")
	args = append([]string{"--listen=127.0.0.1:0", "--address-file=" + file, "--interval=250ms"}, args...)
	s := &service{cmd: exec.CommandContext(t.Context(), filepath.Join(binaries, "monitor"), args...)}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			_ = s.cmd.Process.Kill() // it may have ended by itself
			_ = s.cmd.Wait()
		}
	})
	soon(t, "the monitor is ready", func() error {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		s.address = strings.TrimSpace(string(text))
		_, err = s.get("/readyz")
		return err
	})
	return s
}

func (s *service) get(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		return "", err
	}
	req.Close = true // no connection outlives the test
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, body)
	}
	return string(body), err
}

// soon polls until check passes, and reports its last error after a minute.
func soon(t *testing.T, what string, check func() error) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s: %v", what, err)
		}
	}
}

// series are the names and labels of an exposition. Frequencies are left out: on a busy
// machine one process may stop reading them for a while. Requests are left out as well: their
// labels depend on what was asked.
func series(exposition string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(exposition) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if ok {
			name += "}"
		} else {
			name, _, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		if name != "" && !strings.HasPrefix(name, "#") && !strings.HasPrefix(name, "monitor_http_") && !strings.Contains(name, "cpu_frequency") && !strings.Contains(name, "cpufreq") {
			all[name] = true
		}
	}
	return all
}

func without(a, b map[string]bool) []string {
	var left []string
	for name := range a {
		if !b[name] {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return left
}

func collectors() []string { return []string{"cpu", "memory", "disk", "network"} }

func TestFourServicesShowWhatOneDoes(t *testing.T) {
	t.Parallel()
	one := serving(t, "--collectors="+strings.Join(collectors(), ","))
	apart := map[string]*service{}
	for _, name := range collectors() {
		apart[name] = serving(t, "--collectors="+name)
	}
	for _, path := range []string{"/metrics", "/metrics/node"} {
		// A series may be absent for one interval, or come and go with a device: compare again
		// until both are the same.
		soon(t, path+" is the same", func() error {
			text, err := one.get(path)
			if err != nil {
				return err
			}
			whole, parts := series(text), map[string]bool{}
			for _, name := range collectors() {
				text, err := apart[name].get(path)
				if err != nil {
					return err
				}
				for s := range series(text) {
					parts[s] = true
				}
			}
			if lacking, more := without(whole, parts), without(parts, whole); len(lacking)+len(more) > 0 || len(whole) < 50 {
				return fmt.Errorf("of %d series of one, the four lack %q, and have %q", len(whole), lacking, more)
			}
			return nil
		})
	}
}

func TestThePageOfServicesThatRunApartOutlivesOneOfThem(t *testing.T) {
	t.Parallel()
	apart := map[string]*service{}
	var peers []string
	for _, name := range collectors()[1:] {
		apart[name] = serving(t, "--collectors="+name)
		peers = append(peers, name+"=http://"+apart[name].address)
	}
	page := serving(t, "--collectors=cpu", "--peers="+strings.Join(peers, ","))
	const gone = "the monitor cannot be heard"
	soon(t, "the page shows all four", func() error {
		text, err := page.get("/api/v1/snapshot?peers=include")
		if err != nil {
			return err
		}
		for _, name := range collectors() {
			if !strings.Contains(text, `"`+name+`":{`) {
				return fmt.Errorf("no reading of %s: %s", name, text)
			}
		}
		html, err := page.get("/")
		if strings.Contains(html, gone) {
			return errors.Join(err, errors.New("the page says that a monitor cannot be heard"))
		}
		return err
	})
	dead := apart["disk"]
	if err := dead.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = dead.cmd.Wait() // killed
	soon(t, "the page says who is gone", func() error {
		html, err := page.get("/")
		if !strings.Contains(html, gone) || !strings.Contains(html, dead.address) {
			return errors.Join(err, fmt.Errorf("the page does not say that %s is gone", dead.address))
		}
		return err
	})
	// The others go on: each gets a later reading.
	for name, s := range map[string]*service{"cpu": page, "memory": apart["memory"], "network": apart["network"]} {
		before, err := s.get("/api/v1/" + name)
		if err != nil {
			t.Fatal(err)
		}
		soon(t, name+" goes on", func() error {
			after, err := s.get("/api/v1/" + name)
			if err == nil && (after == before || !strings.Contains(after, `"stale":false`)) {
				err = fmt.Errorf("no new reading: %s", after)
			}
			return err
		})
		if _, err := s.get("/readyz"); err != nil {
			t.Error(err)
		}
	}
}
