package prom

import (
	"context"
	"time"
)

// Values returns the values that a label has among the series of a selector that have
// samples between from and to, each once, sorted as the server sorts. It blocks for at
// most the client's timeout. The error wraps ErrBadQuery or ErrUnreachable; no values are
// no error.
func (c *Client) Values(ctx context.Context, label, selector string, from, to time.Time) ([]string, error) {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	values, _, err := c.api.LabelValues(call, label, []string{selector}, from, to)
	if err != nil {
		return nil, c.explain(ctx, selector, err)
	}
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, string(v))
	}
	return out, nil
}
