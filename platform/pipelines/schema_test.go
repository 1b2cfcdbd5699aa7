package pipelines

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// tasks are the tasks that the pipelines use, and the only ones that the recorded schema has.
var tasks = []string{"GoTool", "Cache", "PublishTestResults", "PublishCodeCoverageResults", "PublishPipelineArtifact", "DownloadPipelineArtifact", "AzureCLI"}

// The schema of the service has every task there is, 1.6 MB. With BALLAST_PIPELINE_SCHEMA, the
// path of service-schema.json of microsoft/azure-pipelines-vscode (MIT), this records of it
// what the pipelines use.
func TestRecordTheSchema(t *testing.T) {
	file := os.Getenv("BALLAST_PIPELINE_SCHEMA")
	if file == "" {
		t.Skip("BALLAST_PIPELINE_SCHEMA names no schema to record")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var full map[string]any
	if err := json.Unmarshal(data, &full); err != nil {
		t.Fatal(err)
	}
	definitions, _ := full["definitions"].(map[string]any)
	task, _ := definitions["task"].(map[string]any)
	task["anyOf"] = slices.DeleteFunc(sequence(task["anyOf"]), func(one any) bool {
		text, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		return !slices.ContainsFunc(tasks, func(name string) bool {
			return bytes.Contains(text, []byte(`"^`+name+`@`))
		})
	})
	if n := len(sequence(task["anyOf"])); n < len(tasks) {
		t.Fatalf("the schema has %d of the %d tasks", n, len(tasks))
	}
	// The schema names this task and does not say what it takes.
	task["anyOf"] = append(sequence(task["anyOf"]), map[string]any{
		"required": []any{"task", "inputs"},
		"properties": map[string]any{
			"task": map[string]any{"pattern": "^PublishCodeCoverageResults@2$"},
			"inputs": map[string]any{
				"required": []any{"summaryFileLocation"}, "additionalProperties": false,
				"properties": map[string]any{
					"summaryFileLocation": map[string]any{"type": "string"}, "pathToSources": map[string]any{"type": "string"}, "failIfCoverageEmpty": map[string]any{"type": "boolean"},
				},
			},
		},
	})
	properties, _ := task["properties"].(map[string]any)
	properties["task"] = map[string]any{"type": "string"}
	bare(full)
	full["$comment"] = "Azure Pipelines " + fmt.Sprint(full["$comment"]) + ", reduced to the tasks that are used here: microsoft/azure-pipelines-vscode, service-schema.json, Copyright (c) Microsoft Corporation, MIT License"
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(full); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("schema.json", out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// bare takes away what says nothing about form.
func bare(node any) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			_, isText := value.(string)
			if key == "description" && isText || slices.Contains([]string{"doNotSuggest", "ignoreCase", "firstProperty", "deprecationMessage"}, key) {
				delete(node, key)
				continue
			}
			bare(value)
		}
	case []any:
		for _, value := range node {
			bare(value)
		}
	}
}

// compiled is the recorded schema.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
