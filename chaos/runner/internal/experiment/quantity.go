package experiment

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

// duration is a positive Go duration in a document.
type duration time.Duration

func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("want a duration like 30s")
	}
	v, err := fault.ParseDuration(n.Value)
	*d = duration(v)
	return err
}

// percent is a share written like 0.1%; 100% is 1.
type percent float64

func (p *percent) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("want a percentage like 0.1%%")
	}
	number, ok := strings.CutSuffix(n.Value, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch {
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Errorf("%q is not a percentage; write one like 0.1%%", n.Value)
	case !ok:
		return fmt.Errorf("%q could be a share or a percentage; write it with its sign: %s%%", n.Value, n.Value)
	case v < 0 || v > 100:
		return fmt.Errorf("%q is out of range; give 0%% to 100%%", n.Value)
	}
	*p = percent(v / 100)
	return nil
}
