// Package browser shows pages that tests make to a headless Chromium, where there is one.
package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// patience is longer than Chromium takes for a page on a busy machine.
const patience = 3 * time.Minute

// Browser is a Chromium. It is started anew for each question.
type Browser struct{ path string }

// Find returns the Chromium of this machine, or skips the test and says so. It needs
// BALLAST_BROWSER=1: a browser takes the processors that tests of real processes beside it
// need, so that `make test` asks for it after them.
func Find(t testing.TB) Browser {
	t.Helper()
	if os.Getenv("BALLAST_BROWSER") == "" {
		t.Skip("BALLAST_BROWSER=1 is not set: how the page looks in a browser was not tested.")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome-headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return Browser{path}
		}
	}
	t.Skip("Chromium is not installed: how the page looks in a browser was not tested.")
	return Browser{}
}

// View is how a page is looked at.
type View struct {
	Width, Height int // of the window, in pixels
	Dark          bool
}

// Measure opens a page in several windows and decodes the values that an expression of
// JavaScript has there, once all is laid out, as a list into into. What keeps the page from
// running scripts is taken away before. The page reaches no network, and what it asks for
// beside itself is an error. All windows are light or dark as the first.
func (b Browser) Measure(t testing.TB, page []byte, views []View, expression string, into any) {
	t.Helper()
	const begin, end = "MEASURED:", ":DERUSAEM"
	policy := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`)
	script := fmt.Sprintf(`<script>addEventListener("load", () => {
  const asked = performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("data:"));
  let value; try { value = {value: (%s), asked}; } catch (e) { value = {failed: String(e)}; }
  parent.measured[frameElement.dataset.at] = value;
});</script></body>`, expression)
	content := policy.ReplaceAll(page, nil)
	content = bytes.Replace(content, []byte("</body>"), []byte(script), 1)
	// A window is never narrower than 500 pixels; a frame in it is as narrow as a phone.
	frames := `<!DOCTYPE html><meta name="color-scheme" content="light dark"><script>measured = []</script><body>`
	for i, v := range views {
		frames += fmt.Sprintf(`<iframe data-at="%d" style="border:0;width:%dpx;height:%dpx" srcdoc="%s"></iframe>`, i, v.Width, v.Height, html.EscapeString(string(content)))
	}
	frames += fmt.Sprintf(`<script>addEventListener("load", () => { document.body.textContent = %q + JSON.stringify(measured) + %q; });</script></body>`, begin, end)
	out := b.run(t, []byte(frames), views[0], "--dump-dom")
	_, text, ok := strings.Cut(out, begin)
	text, _, ended := strings.Cut(text, end)
	if !ok || !ended {
		t.Fatalf("the browser measured nothing: %.2000s", out)
	}
	var answers []struct {
		Value  json.RawMessage `json:"value"`
		Asked  []string        `json:"asked"`
		Failed string          `json:"failed"`
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(text)), &answers); err != nil || len(answers) != len(views) {
		t.Fatalf("what the browser measured: %v: %.500s", err, text)
	}
	var values []json.RawMessage
	for i, a := range answers {
		if a.Failed != "" {
			t.Fatalf("the browser could not measure at a width of %d: %s", views[i].Width, a.Failed)
		}
		if len(a.Asked) > 0 {
			t.Errorf("the page asks for %s", strings.Join(a.Asked, ", "))
		}
		values = append(values, a.Value)
	}
	all, err := json.Marshal(values)
	if err == nil {
		err = json.Unmarshal(all, into)
	}
	if err != nil {
		t.Fatalf("what the browser measured: %v: %.500s", err, all)
	}
}

// Screenshot writes a picture of a page as it is into a file.
func (b Browser) Screenshot(t testing.TB, page []byte, v View, file string) {
	t.Helper()
	b.run(t, page, v, "--screenshot="+file)
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Fatalf("the browser wrote no picture: %v", err)
	}
}

// Open shows an address until the test is over. The page reaches only 127.0.0.1. The channel
// is closed when the browser has ended, which fails the test if it was not told to.
func (b Browser) Open(t testing.TB, address string, v View) <-chan struct{} {
	t.Helper()
	// Without a port for debugging a browser without a window would end at once.
	cmd := exec.CommandContext(t.Context(), b.path, append(arguments(t.TempDir(), v, ", EXCLUDE 127.0.0.1"), "--remote-debugging-port=0", address)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", b.path, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// The context of a test ends when the test does.
		if err := cmd.Wait(); t.Context().Err() == nil {
			t.Errorf("%s ended while it showed %s: %v: %.2000s", b.path, address, err, &stderr)
		}
	}()
	t.Cleanup(func() { <-ended })
	return ended
}

// arguments are those of every browser, with its files in dir.
func arguments(dir string, v View, reachable string) []string {
	args := []string{
		"--headless", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-background-networking",
		// A name that resolves to nothing: the page is to ask for nothing, nor the browser.
		"--host-resolver-rules=MAP * ~NOTFOUND" + reachable, "--user-data-dir=" + filepath.Join(dir, "profile"),
		fmt.Sprintf("--window-size=%d,%d", v.Width, v.Height),
	}
	if os.Getuid() == 0 {
		args = append(args, "--no-sandbox") // it does not start as root otherwise
	}
	if v.Dark {
		return append(args, "--blink-settings=preferredColorScheme=0")
	}
	return append(args, "--blink-settings=preferredColorScheme=1")
}

func (b Browser) run(t testing.TB, page []byte, v View, what string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.path, append(arguments(dir, v, ""), what, "file://"+file)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %.2000s", b.path, err, &stderr)
	}
	return stdout.String()
}
