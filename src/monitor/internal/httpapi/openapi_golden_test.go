package httpapi

import (
	"flag"
	"reflect"
	"testing"

	"github.com/ballast-sre/ballast/src/monitor/internal/host"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "rewrite openapi.json")

// TestGoldenOpenAPI compares openapi.json with what the types of the answers
// and the table of routes below make.
func TestGoldenOpenAPI(t *testing.T) {
	golden.Compare(t, "openapi.json", encoded(t, described(t)), *update)
}

// described returns the description of all routes that there can be.
func described(t *testing.T) object {
	s := newSchemas(t)
	problem := s.typed(reflect.TypeFor[Problem](), false)
	paths := object{}
	add := func(path, id, summary string, content object, more ...object) {
		answer := object{"description": "The answer.", "content": content}
		get := object{"operationId": id, "summary": summary, "responses": object{
			"200": answer, "default": object{"$ref": "#/components/responses/Problem"},
		}}
		head := object{"operationId": id + "Head", "summary": "The headers of the answer alone.", "responses": object{
			"200": object{"description": "There is an answer."}, "default": object{"description": "There is a problem."},
		}}
		for _, m := range more {
			for k, v := range m {
				if k == "headers" {
					answer[k] = v
				} else {
					get[k], head[k] = v, v
				}
			}
		}
		paths[path] = object{"get": get, "head": head}
	}
	json := func(of reflect.Type) object {
		return object{"application/json": object{"schema": s.typed(of, false)}}
	}
	text := func(kind string) object { return object{kind: object{"schema": object{"type": "string"}}} }
	parameters := func(list ...any) object { return object{"parameters": list} }
	age := object{"headers": object{"Age": object{"description": "Age of the reading, in seconds.", "schema": object{"type": "integer", "minimum": 0}}}}

	readings := object{}
	for _, r := range []struct {
		name    sample.Name
		summary string
		data    reflect.Type
		more    object
	}{
		{sample.CPU, "Usage of the processors.", reflect.TypeFor[sample.CPUReading](), parameters(
			parameter("cpu", "The processor with this number alone.", object{"type": "string"}))},
		{sample.Memory, "Usage of memory and swap.", reflect.TypeFor[host.Memory](), nil},
		{sample.Disk, "File systems and disks.", reflect.TypeFor[host.Disk](), parameters(
			parameter("mountpoint", "The file system at this mount point alone.", object{"type": "string"}),
			parameter("device", "The disk of this name, or the file systems of this device, alone.", object{"type": "string"}))},
		{sample.Network, "Counters of the network interfaces.", reflect.TypeFor[host.Network](), parameters(
			parameter("interface", "The interface of this name alone.", object{"type": "string"}))},
		{sample.Cgroup, "The monitor's own control group.", reflect.TypeFor[sample.CgroupReading](), nil},
		{sample.System, "Facts of the machine.", reflect.TypeFor[host.System](), nil},
		{sample.Processes, "The processes that use most; without parameters, most of the processors or of memory.", reflect.TypeFor[sample.ProcessesReading](), parameters(
			parameter("by", "What the processes are sorted by, the largest first.", object{"type": "string", "enum": []any{sample.ByCPU, sample.ByMemory}, "default": sample.ByCPU}),
			parameter("limit", "How many processes.", object{"type": "integer", "minimum": 1, "maximum": maxProcesses, "default": defaultProcesses}))},
	} {
		schema := s.answerOf(string(r.name), r.data)
		readings[string(r.name)] = schema
		add(route(r.name), string(r.name), r.summary, object{"application/json": object{"schema": schema}}, r.more, age)
	}
	whole := s.structure(reflect.TypeFor[Snapshot]())
	whole["description"] = s.said(reflect.TypeFor[Snapshot](), "httpapi.Snapshot")
	as[object](whole["properties"])["readings"] = object{
		"type": "object", "properties": readings, "additionalProperties": false, "description": "Those that there are, by collector.",
	}
	s.made["Snapshot"] = whole
	delete(s.made, "Reading") // each collector has its own
	snapshot := object{"$ref": "#/components/schemas/Snapshot"}

	peers := parameter("peers", "Puts readings of other monitors (--peers) beside the own ones.", object{"type": "string", "enum": []any{"include"}})
	add("/api/v1", "index", "The collectors, how they do, and the other paths.", json(reflect.TypeFor[Index]()))
	add("/api/v1/snapshot", "snapshot", "All readings at one moment.", object{"application/json": object{"schema": snapshot}}, parameters(peers))
	add(streamRoute, "stream", "Events named snapshot, whose data is a snapshot, at every interval; one named end when the server is about to end.", text("text/event-stream"), parameters(peers))
	add("/api/v1/history", "history", "The series that there are; with the parameter series, their values.",
		object{"application/json": object{"schema": object{"anyOf": []any{s.typed(reflect.TypeFor[HistoryContents](), false), s.typed(reflect.TypeFor[HistoryRange](), false)}}}},
		parameters(
			object{
				"name": "series", "in": "query", "description": "A series, or series:item.", "style": "form", "explode": true,
				"schema": object{"type": "array", "items": object{"type": "string"}, "maxItems": maxSeries},
			},
			parameter("from", "The first moment: RFC 3339, or seconds since 1970. By default two hours before the last.", object{"type": "string"}),
			parameter("to", "The last moment. By default now.", object{"type": "string"})))
	add(openAPIRoute, "openapi", "This description.", object{"application/json": object{"schema": object{"type": "object"}}})
	add(docsRoute, "docs", "This description as a page.", text("text/html"))
	add("/", "page", "The page.", text("text/html"))
	add("/assets/page.js", "pageScript", "The page's script.", text("text/javascript"))
	add("/assets/page.css", "pageStyle", "The page's style.", text("text/css"))
	add("/assets/icon.svg", "pageIcon", "The page's icon.", text("image/svg+xml"))
	add("/metrics", "metrics", "Metrics, as Prometheus' text or OpenMetrics.", object{
		"text/plain": object{"schema": object{"type": "string"}}, "application/openmetrics-text": object{"schema": object{"type": "string"}},
	})
	add("/metrics/node", "node", "Figures of the host by node_exporter's names.", object{
		"text/plain": object{"schema": object{"type": "string"}}, "application/openmetrics-text": object{"schema": object{"type": "string"}},
	})
	add("/healthz", "live", "Whether the process answers.", json(reflect.TypeFor[Health]()))
	add("/readyz", "ready", "Whether every collector gave a reading, and the process is not about to end.", json(reflect.TypeFor[Health]()))
	add("/version", "version", "What was built from what.", json(reflect.TypeFor[Build]()))

	return object{
		"openapi": "3.1.1",
		"info": object{
			"title": "monitor", "version": "0", "license": object{"name": "Apache 2.0", "identifier": "Apache-2.0"},
			"description": "CPU, memory, disks and network of a machine: the last good reading of each, from memory. Answers of 1,400 bytes or more are compressed for clients that take gzip.",
		},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas": s.made,
			"responses": object{"Problem": object{
				"description": "What is wrong, and how to mend it (RFC 9457).", "content": object{"application/problem+json": object{"schema": problem}},
				"headers": object{"Retry-After": object{"description": "After how many seconds to ask again.", "schema": object{"type": "integer"}}},
			}},
		},
	}
}

func parameter(name, description string, schema object) object {
	return object{"name": name, "in": "query", "description": description, "schema": schema}
}
