package prom

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Retention returns how long the server keeps samples; 0 where it says no time, as one
// does that keeps as much as it has room for. It blocks for at most the client's timeout.
// The error wraps ErrNoRulesAPI where the server has no such API, or ErrUnreachable.
func (c *Client) Retention(ctx context.Context) (time.Duration, error) {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	info, err := c.api.Runtimeinfo(call)
	if err != nil {
		return 0, c.explain(ctx, "runtimeinfo", noRules(err))
	}
	for part := range strings.SplitSeq(info.StorageRetention, " or ") { // 15d or 5GiB
		d, err := model.ParseDuration(part)
		if err == nil {
			return time.Duration(d), nil
		}
		if !strings.HasSuffix(part, "B") && part != "" {
			return 0, fmt.Errorf("runtimeinfo: storageRetention %q: %w", info.StorageRetention, err)
		}
	}
	return 0, nil
}
