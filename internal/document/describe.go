package document

import (
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"
)

func wanted(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a finite number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number that is not negative and not too large"
	default:
		return "a whole number that is not too large"
	}
}

// describe says what a value is, shortened where it is long.
func describe(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	}
	value := Shorten(n.Value)
	switch n.Tag {
	case "!!int", "!!float":
		return "the number " + value
	case "!!bool":
		return "the boolean " + value
	default:
		return "the text " + strconv.Quote(value)
	}
}

// Shorten cuts a text that is to be quoted in a message.
func Shorten(text string) string {
	const most = 40
	letters := 0
	for i := range text {
		if letters == most {
			return text[:i] + "…"
		}
		letters++
	}
	return text
}
