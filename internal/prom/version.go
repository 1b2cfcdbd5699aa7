package prom

import "context"

// Version returns the server's own version, such as 3.5.0. It blocks for at most the
// client's timeout. The error wraps ErrNoRulesAPI where the server has no such API, or
// ErrUnreachable.
func (c *Client) Version(ctx context.Context) (string, error) {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	info, err := c.api.Buildinfo(call)
	if err != nil {
		return "", c.explain(ctx, "buildinfo", noRules(err))
	}
	return info.Version, nil
}
