package web

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTheScriptAgrees runs the parts of the script that need no page on the
// fixtures that the server is tested with.
func TestTheScriptAgrees(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is not installed: what the page's script computes was not tested.")
	}
	// Node takes a file for a module by its name, or by this file beside it.
	dir := t.TempDir()
	for name, content := range map[string]string{"assets/package.json": `{"type":"module"}`, "assets/page.js": script} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), node, filepath.Join(dir, "testdata", "script.mjs"), dir).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
