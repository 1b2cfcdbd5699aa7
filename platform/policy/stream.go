package policy

import (
	"bufio"
	"errors"
	"io"
	"strings"

	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Documents splits a stream of YAML into its documents, without those that are empty. With an
// error it also returns the documents before the broken one.
func Documents(stream string) ([][]byte, error) {
	var docs [][]byte
	for r := yamlutil.NewYAMLReader(bufio.NewReader(strings.NewReader(stream))); ; {
		doc, err := r.Read()
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		var content any
		if err == nil {
			err = yaml.Unmarshal(doc, &content)
		}
		if err != nil {
			return docs, err
		}
		if content != nil {
			docs = append(docs, doc)
		}
	}
}
