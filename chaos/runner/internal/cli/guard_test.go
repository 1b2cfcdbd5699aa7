package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A guard with a real client, from its kubeconfig to SIGTERM: it finds a fault that
// the kill switch ends, deletes it, says that it is well, and ends in order.
func TestAGuardDoesItsWorkAndEndsInOrder(t *testing.T) {
	var (
		mu      sync.Mutex
		deleted []string
	)
	gone := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		object := `{"apiVersion":"chaos-mesh.org/v1alpha1","kind":"PodChaos","metadata":{"name":"kill","namespace":"monitor","uid":"u1","resourceVersion":"3","labels":{"ballast.dev/run":"run-a"}}}`
		list := func(kind, version, items string) {
			fmt.Fprintf(w, `{"kind":%q,"apiVersion":%q,"metadata":{"resourceVersion":"5"},"items":[%s]}`, kind, version, items)
		}
		switch {
		case r.Method == http.MethodDelete:
			mu.Lock()
			deleted = append(deleted, r.URL.Path)
			if len(deleted) == 1 {
				close(gone)
			}
			mu.Unlock()
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Success"}`)
		case r.URL.Query().Get("watch") != "":
			w.WriteHeader(http.StatusOK)
			flush(w)
			if strings.HasSuffix(r.URL.Path, "/podchaos") {
				select {
				case <-gone:
					fmt.Fprintf(w, `{"type":"DELETED","object":%s}`+"\n", object)
					flush(w)
				case <-r.Context().Done():
				}
			}
			<-r.Context().Done()
		case strings.HasSuffix(r.URL.Path, "/leases"):
			list("LeaseList", "coordination.k8s.io/v1", "")
		case strings.HasSuffix(r.URL.Path, "/configmaps") && r.URL.Query().Get("fieldSelector") == "metadata.name=ballast-kill-switch":
			list("ConfigMapList", "v1", `{"metadata":{"name":"ballast-kill-switch","annotations":{"ballast.dev/kill":"incident"}}}`)
		case strings.HasSuffix(r.URL.Path, "/podchaos"):
			list("PodChaosList", "chaos-mesh.org/v1alpha1", object)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		}
	}))
	defer api.Close()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":%q}}],"contexts":[{"name":"here","context":{"cluster":"c"}}]}`, api.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	signals, code := make(chan os.Signal, 2), make(chan int, 1)
	log := lines{make(chan string, 1000)}
	go func() {
		code <- serve([]string{"guard", "--listen", "127.0.0.1:0", "--kubeconfig", file, "--context", "here"}, streams{out: io.Discard, err: log}, signals)
	}()
	var serving struct{ URL string }
	if err := json.Unmarshal([]byte(<-log.text), &serving); err != nil {
		t.Fatal(err)
	}
	<-gone
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(fetch(t, serving.URL), "ballast_guard_removed_objects_total 1\n") {
		if time.Now().After(deadline) {
			t.Fatal("the removal is not counted")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := fetch(t, strings.TrimSuffix(serving.URL, "/metrics")+"/healthz"); got != "ok\n" {
		t.Errorf("healthz %q", got)
	}
	signals <- syscall.SIGTERM
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want %d", got, exitOK)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(deleted) != 1 || deleted[0] != "/apis/chaos-mesh.org/v1alpha1/namespaces/monitor/podchaos/kill" {
		t.Errorf("deleted %q", deleted)
	}
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
