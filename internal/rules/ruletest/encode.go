package ruletest

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// encode writes the file. Labels and annotations that occur again are given names and
// written once, and a sample takes one line, so that people can review it.
func encode(f File) ([]byte, error) {
	var root yaml.Node
	if err := root.Encode(f); err != nil {
		return nil, err
	}
	shared := map[string][]*yaml.Node{}
	var order []string
	walk(&root, func(key string, n *yaml.Node) {
		switch key {
		case "exp_samples":
			for _, sample := range n.Content {
				sample.Style = yaml.FlowStyle
			}
		case "exp_labels", "exp_annotations":
			var text bytes.Buffer
			for _, scalar := range n.Content {
				fmt.Fprintf(&text, "%q ", scalar.Value)
			}
			if shared[text.String()] == nil {
				order = append(order, text.String())
			}
			shared[text.String()] = append(shared[text.String()], n)
		}
	})
	number := 0
	for _, text := range order {
		same := shared[text]
		if len(same) == 1 {
			continue
		}
		number++
		same[0].Anchor = fmt.Sprintf("%s-%d", kindOf(same[0]), number)
		for _, n := range same[1:] {
			*n = yaml.Node{Kind: yaml.AliasNode, Value: same[0].Anchor, Alias: same[0]}
		}
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&root); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

// kindOf is what a map of labels or annotations is called: after its tier or severity,
// where it has one.
func kindOf(n *yaml.Node) string {
	name := "texts"
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch n.Content[i].Value {
		case "tier":
			return n.Content[i+1].Value
		case "severity":
			name = n.Content[i+1].Value
		}
	}
	return name
}

// walk visits the values of all maps, in their order.
func walk(n *yaml.Node, visit func(key string, value *yaml.Node)) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			visit(n.Content[i-1].Value, child)
		}
		walk(child, visit)
	}
}
