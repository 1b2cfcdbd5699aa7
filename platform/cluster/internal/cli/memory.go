package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
)

// memory shows the programs of the node and its pods, or its nodes where there are
// several, with the memory of each.
func (c *command) memory(ctx context.Context) error {
	n, err := c.running(ctx)
	if err != nil {
		return err
	}
	usage, err := n.Usage(ctx)
	if err != nil || len(usage) == 0 {
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tMB, SHARED PAGES COUNTED ONCE\tRSS MB, COUNTED FOR EACH\tPROCESSES")
	var rss, pss uint64
	for _, u := range usage {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%d\n", u.Name, float64(u.PSS)/1e6, float64(u.RSS)/1e6, u.Processes)
		rss, pss = rss+u.RSS, pss+u.PSS
	}
	fmt.Fprintf(w, "in all\t%.0f\t%.0f\t\n", float64(pss)/1e6, float64(rss)/1e6)
	return w.Flush()
}
