package result

import (
	"encoding/json"
	"fmt"
	"math"
)

// Number is a measured value. JSON has no NaN and no infinities; they are written
// as the strings "NaN", "+Inf" and "-Inf", as Prometheus writes them.
type Number float64

// MarshalJSON implements [json.Marshaler].
func (n Number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	switch {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"+Inf"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Inf"`), nil
	}
	return json.Marshal(v)
}

// UnmarshalJSON implements [json.Unmarshaler]. It accepts what MarshalJSON writes.
func (n *Number) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"NaN"`:
		*n = Number(math.NaN())
		return nil
	case `"+Inf"`:
		*n = Number(math.Inf(1))
		return nil
	case `"-Inf"`:
		*n = Number(math.Inf(-1))
		return nil
	}
	var v float64
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("%s is not a number, \"NaN\", \"+Inf\" or \"-Inf\": %w", data, err)
	}
	*n = Number(v)
	return nil
}
