package fault

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
	apiyaml "sigs.k8s.io/yaml"
)

// scalars refuses plain words that this reader and the API server's read
// differently: to YAML 1.1, which the API server and kubectl read, no, off, y and
// their like are booleans, and a key 010 is 8. Quotes make them the same to both.
func (c *checker) scalars(n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			at := key.Value
			if path != "" {
				at = path + "." + at
			}
			if other, differs := keyToAPI(key); differs {
				c.Problem(at, "the API server reads this key as %q; quote it: %q", other, key.Value)
			}
			c.scalars(value, at)
		}
	case yaml.ScalarNode:
		if b, ok := boolToAPI(n); ok {
			c.Problem(path, "%s without quotes is the boolean %t to the API server; quote it: %q", n.Value, b, n.Value)
		}
	default:
		for _, item := range n.Content {
			c.scalars(item, path)
		}
	}
}

// boolToAPI is the boolean that the API server makes of text without quotes.
func boolToAPI(n *yaml.Node) (value, ok bool) {
	if n.Style != 0 || n.ShortTag() != "!!str" {
		return false, false
	}
	var read any
	if err := apiyaml.Unmarshal([]byte(n.Value), &read); err != nil {
		return false, false
	}
	value, ok = read.(bool)
	return value, ok
}

// keyToAPI is the text that the API server makes of a key, where it differs.
func keyToAPI(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Style != 0 {
		return "", false
	}
	var read map[string]any
	if err := apiyaml.Unmarshal([]byte(n.Value+": 0"), &read); err != nil {
		return "", false
	}
	for _, key := range slices.Sorted(maps.Keys(read)) {
		return key, key != n.Value
	}
	return "", false
}
