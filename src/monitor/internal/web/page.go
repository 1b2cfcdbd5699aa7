package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Page is what the page shows.
type Page struct {
	// Snapshot is the body of /api/v1/snapshot.
	Snapshot []byte
	// Collectors are the chosen ones.
	Collectors []string
	// Newest are the newest values of the history, by series and item; the
	// item of a total is empty. Without one, its figure is absent until the
	// script has seen two snapshots.
	Newest map[string]map[string]float64
	// Interval is the time between two snapshots.
	Interval time.Duration
	// Version tells the script of a server that was replaced by another.
	Version string
	// Peers says that readings can be those of other monitors.
	Peers bool
	// History says that there is /api/v1/history.
	History bool
	// Now is the moment that ages are of.
	Now time.Time
}

// Render returns the page. It fails only for a snapshot that is no JSON.
func Render(p Page) ([]byte, error) {
	var snapshot any
	if err := json.Unmarshal(p.Snapshot, &snapshot); err != nil {
		return nil, fmt.Errorf("page: the snapshot: %w", err)
	}
	v := view{
		Host: "this machine", Version: p.Version, Interval: p.Interval.Milliseconds(), History: p.History,
		Now: Moment.write(p.Now.Format(time.RFC3339), p.Now),
	}
	if name, ok := at(snapshot, "readings.system.data.hostname").(string); ok {
		v.Host = name
	}
	has := func(collector string) bool { return collector == "" || slices.Contains(p.Collectors, collector) }
	r := renderer{p, snapshot}
	for _, t := range Tiles() {
		if has(t.Collector) {
			main, detail := r.cell(t.Main, snapshot, ""), r.cell(t.Detail, snapshot, "")
			v.Tiles = append(v.Tiles, tileView{Tile: t, Value: main.Text, BarAt: main.BarAt, DetailValue: detail.Text})
		}
	}
	for _, t := range Tables() {
		if has(t.Collector) {
			v.Tables = append(v.Tables, r.table(t))
		}
	}
	return v.page(pageFrame), nil
}

type renderer struct {
	page     Page
	snapshot any
}

func (r renderer) table(t Table) tableView {
	if !r.page.Peers {
		t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c Column) bool { return c.Path == "peer" })
	}
	v := tableView{Table: t}
	if t.List == "" {
		for _, row := range t.Rows {
			line := lineView{Title: row.Title}
			for _, c := range row.Cells {
				line.Cells = append(line.Cells, r.cell(c, r.snapshot, ""))
			}
			v.Lines = append(v.Lines, line)
		}
		return v
	}
	for _, e := range list(r.snapshot, t.List) {
		names := make([]string, len(t.Key))
		for i, k := range t.Key {
			if v := at(e, k); v != nil {
				names[i] = Plain.write(v, r.page.Now)
			}
		}
		line := lineView{Key: strings.Join(names, "\t"), Title: r.cell(t.Columns[0].Cell, e, "").Text}
		for _, c := range t.Columns[1:] {
			line.Cells = append(line.Cells, r.cell(c.Cell, e, names[len(names)-1]))
		}
		v.Lines = append(v.Lines, line)
	}
	v.Folded = t.Fold > 0 && len(v.Lines) >= t.Fold
	return v
}

// cell writes a figure of an element.
func (r renderer) cell(c Cell, of any, item string) cellView {
	v := cellView{Cell: c, Text: none}
	switch {
	case c.Series != "":
		if now, ok := r.page.Newest[c.Series][item]; ok {
			v.Text = c.Format.write(now, r.page.Now)
		}
	case c.Path != "":
		value := at(of, c.Path)
		v.Text = c.Format.write(value, r.page.Now)
		if share, ok := value.(float64); ok && c.Bar {
			v.BarAt = fmt.Sprintf("%.1f", share)
		}
	default:
		v.Text = "" // there is no such figure
	}
	return v
}
