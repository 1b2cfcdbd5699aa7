package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ballast-sre/ballast/src/monitor/internal/history"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample/sampletest"
)

// complete is an API with a history.
func complete(t *testing.T, names ...sample.Name) *fixture {
	t.Helper()
	h, err := history.New(history.Config{Collectors: names, Interval: time.Second, Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	for i := 24; i >= 0; i-- {
		h.Record(sampletest.Fixture(now.Add(-time.Duration(i) * time.Second)))
	}
	f := &fixture{registry: prometheus.NewRegistry()}
	exposition := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/plain") })
	f.snapshot.Store(sampletest.Fixture(now))
	reading := newFixture(t, sample.Memory).do(t, "GET", "/api/v1/memory").Body.Bytes()
	elsewhere := func() ([]Peer, uint64) {
		return []Peer{{Collector: sample.Memory, URL: "http://a", Reading: reading}, {Collector: sample.CPU, URL: "http://b", Err: errors.New("gone")}}, 0
	}
	f.API, err = New(Config{
		Snapshot: f.snapshot.Load, Collectors: names, Peers: elsewhere, History: h, Registry: f.registry,
		Metrics: exposition, Node: exposition,
		Build: Build{Version: "v1"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func descriptionOf(t *testing.T, f *fixture) object {
	t.Helper()
	rec := f.do(t, "GET", openAPIRoute)
	var doc object
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil || rec.Code != 200 {
		t.Fatalf("status %d, %v", rec.Code, err)
	}
	return doc
}

// operations returns the described operations, by method and path.
func operations(t *testing.T, doc object) map[string]object {
	t.Helper()
	all := map[string]object{}
	for path, item := range as[object](doc["paths"]) {
		for method, o := range as[object](item) {
			all[strings.ToUpper(method)+" "+path] = as[object](o)
		}
	}
	return all
}

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	for name, f := range map[string]*fixture{
		"everything":              complete(t, sample.Names()...),
		"one service, no history": newFixture(t, sample.Memory),
	} {
		t.Run(name, func(t *testing.T) {
			doc := descriptionOf(t, f)
			var routes []string
			for _, r := range f.engine.Routes() {
				routes = append(routes, r.Method+" "+r.Path)
			}
			slices.Sort(routes)
			if d := cmp.Diff(routes, slices.Sorted(maps.Keys(operations(t, doc)))); d != "" {
				t.Errorf("routes and description (-routes +described):\n%s", d)
			}
			ids := map[any]bool{}
			for path, o := range operations(t, doc) {
				if ids[o["operationId"]] || o["operationId"] == nil {
					t.Errorf("%s: operationId %v is missing or not its own", path, o["operationId"])
				}
				ids[o["operationId"]] = true
			}
			references(doc, func(ref string) {
				if _, err := find(doc, ref); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func references(v any, visit func(string)) {
	switch v := v.(type) {
	case object:
		for k, e := range v {
			if ref, ok := e.(string); ok && k == "$ref" {
				visit(ref)
			}
			references(e, visit)
		}
	case []any:
		for _, e := range v {
			references(e, visit)
		}
	}
}

// TestTheDescriptionHasEveryParameterAndNoOther asks each route for one that
// there is not: the answer names those that there are.
func TestTheDescriptionHasEveryParameterAndNoOther(t *testing.T) {
	f := complete(t, sample.Names()...)
	offered := regexp.MustCompile(`it takes ([a-z, ]+)`)
	for name, o := range operations(t, descriptionOf(t, f)) {
		method, path, _ := strings.Cut(name, " ")
		var described []string
		list, _ := o["parameters"].([]any)
		for _, p := range list {
			described = append(described, as[string](as[object](p)["name"]))
		}
		slices.Sort(described)
		rec := f.do(t, method, path+"?nonsense=1")
		var taken []string
		if m := offered.FindStringSubmatch(rec.Body.String()); m != nil && m[1] != "none" {
			taken = strings.Split(m[1], ", ")
		} else if rec.Code != 400 && !slices.Contains([]string{"/metrics", "/metrics/node", "/healthz", "/readyz", "/version"}, path) {
			t.Errorf("%s: a parameter that it does not have is %d", name, rec.Code)
		}
		if d := cmp.Diff(described, taken); method == "GET" && d != "" {
			t.Errorf("%s (-described +taken):\n%s", name, d)
		}
	}
}

// TestEveryAnswerIsAsDescribed checks answers against the description, in
// which no object may have another field, and that each field is in one.
func TestEveryAnswerIsAsDescribed(t *testing.T) {
	f := complete(t, sample.Names()...)
	doc := descriptionOf(t, f)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("monitor.json", any(doc)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	check := func(path string, rec *httptest.ResponseRecorder) {
		t.Helper()
		route, _, _ := strings.Cut(path, "?")
		at := "#/paths/" + strings.ReplaceAll(strings.ReplaceAll(route, "~", "~0"), "/", "~1") + "/get/responses/200/content/application~1json/schema"
		schema := as[object](as[object](as[object](operations(t, doc)["GET "+route]["responses"])["200"])["content"])
		if rec.Code != 200 {
			at, schema = "#/components/responses/Problem/content/application~1problem+json/schema", nil
		}
		contentType, _, _ := strings.Cut(rec.Header().Get("Content-Type"), ";")
		if schema != nil {
			if schema[contentType] == nil {
				t.Errorf("%s: content type %q is not described", path, contentType)
			}
			if contentType != "application/json" {
				return
			}
		}
		compiled, err := compiler.Compile("monitor.json" + at)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(rec.Body.Bytes()))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := compiled.Validate(v); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		mark(t, doc, pointed(t, doc, at), v, seen)
	}
	for name := range operations(t, doc) {
		if path, ok := strings.CutPrefix(name, "GET "); ok && path != streamRoute {
			check(path, f.do(t, "GET", path))
		}
	}
	for _, path := range []string{"/api/v1/history?series=memory.used_percent&series=cpu.busy_percent:0", "/api/v1/disk?device=vda", "/api/v1/cpu?cpu=9", "/api/v1/processes?by=memory", "/api/v1/processes?limit=0"} {
		check(path, f.do(t, "GET", path))
	}
	const peered = "/api/v1/snapshot?peers=include"
	check(peered, complete(t, sample.Disk).do(t, "GET", peered))
	missing := *f.snapshot.Load()
	missing.Statuses = slices.Clone(missing.Statuses)
	missing.Statuses[0] = sample.Status{Name: sample.CPU, Err: errors.New("no answer")}
	missing.Disk.Filesystems = nil // they cannot be listed
	f.snapshot.Store(&missing)
	check("/api/v1/snapshot", f.do(t, "GET", "/api/v1/snapshot"))
	check("/api/v1/cpu", f.do(t, "GET", "/api/v1/cpu"))

	for name, schema := range as[object](as[object](doc["components"])["schemas"]) {
		properties, _ := as[object](schema)["properties"].(object)
		for property := range properties {
			// The envelopes are of one type.
			envelope := slices.ContainsFunc(slices.Collect(maps.Keys(seen)), func(s string) bool { return strings.HasSuffix(s, "Answer."+property) })
			if !seen[name+"."+property] && !(strings.HasSuffix(name, "Answer") && envelope) {
				t.Errorf("no answer has the field %s of %s", property, name)
			}
		}
	}
}

// pointed returns the schema that a JSON pointer leads to.
func pointed(t *testing.T, doc object, pointer string) object {
	t.Helper()
	var v any = doc
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "#/"), "/") {
		v = as[object](v)[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	return as[object](v)
}

// mark notes which fields of components a value has.
func mark(t *testing.T, doc, schema object, v any, seen map[string]bool) {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		of, err := find(doc, ref)
		if err != nil {
			t.Fatal(err)
		}
		if fields, ok := v.(object); ok {
			for name := range fields {
				seen[strings.TrimPrefix(ref, "#/components/schemas/")+"."+name] = true
			}
		}
		mark(t, doc, of, v, seen)
		return
	}
	if options, ok := schema["anyOf"].([]any); ok {
		for _, o := range options {
			if of := as[object](o); of["$ref"] == nil || matches(t, doc, of, v) {
				mark(t, doc, of, v, seen)
			}
		}
	}
	switch v := v.(type) {
	case object:
		properties, _ := schema["properties"].(object)
		for name, e := range v {
			if of, ok := properties[name].(object); ok {
				mark(t, doc, of, e, seen)
			} else if of, ok := schema["additionalProperties"].(object); ok {
				mark(t, doc, of, e, seen)
			}
		}
	case []any:
		if of, ok := schema["items"].(object); ok {
			for _, e := range v {
				mark(t, doc, of, e, seen)
			}
		}
	}
}

// matches says whether a value has the fields that a component requires.
func matches(t *testing.T, doc, ref object, v any) bool {
	t.Helper()
	of, err := find(doc, as[string](ref["$ref"]))
	if err != nil {
		t.Fatal(err)
	}
	fields, ok := v.(object)
	required, _ := of["required"].([]any)
	return ok && !slices.ContainsFunc(required, func(name any) bool { _, has := fields[as[string](name)]; return !has })
}
