package rules

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ballast-sre/ballast/internal/document"
	"github.com/ballast-sre/ballast/internal/slo"
)

// Objects renders the rules that [Files] would write as PrometheusRule objects of Prometheus
// Operator, one for each file, named as the file is and in its order, as a stream of YAML
// documents. namespace may be empty: the objects then go where they are applied. It writes
// nothing.
//
// A file whose name cannot be an object's is a [document.Problem].
func Objects(alertsDir, namespace string, o Options) ([]byte, error) {
	set, err := slo.Load(filepath.Join(alertsDir, "slo"))
	if err != nil {
		return nil, err
	}
	files, err := ruleFiles(alertsDir, set, o)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	var problems []document.Problem
	taken := map[string]string{} // files by the name of their object
	for _, file := range slices.Sorted(maps.Keys(files)) {
		name := strings.TrimSuffix(path.Base(file), path.Ext(file))
		problem := func(format string, args ...any) {
			problems = append(problems, document.Problem{File: filepath.Join(alertsDir, filepath.FromSlash(file)), Message: fmt.Sprintf(format, args...)})
		}
		for _, why := range validation.IsDNS1123Subdomain(name) {
			problem("%q cannot be the name of a PrometheusRule: %s; rename what the file is generated from", name, why)
		}
		if other := taken[name]; other != "" {
			problem("PrometheusRule %s would be made of %s, too; rename what one of them is generated from", name, other)
		}
		taken[name] = file
		if out.Len() > 0 {
			out.WriteString("---\n")
		}
		out.WriteString(header)
		fmt.Fprintf(&out, "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: %s\n", name)
		if namespace != "" {
			fmt.Fprintf(&out, "  namespace: %s\n", namespace)
		}
		out.WriteString("spec:\n")
		for line := range bytes.Lines(bytes.TrimPrefix(files[file], []byte(header))) {
			if len(bytes.TrimSpace(line)) > 0 {
				out.WriteString("  ")
			}
			out.Write(line)
		}
	}
	return out.Bytes(), document.Err(problems)
}
