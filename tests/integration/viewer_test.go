//go:build integration && linux

package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// dashboard is one of dashboards/*.json, as far as it is asked here.
type dashboard struct {
	Title      string  `json:"title"`
	Panels     []panel `json:"panels"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
}

type panel struct {
	Type    string   `json:"type"`
	Title   string   `json:"title"`
	Targets []target `json:"targets"`
}

type target struct {
	Ref   string `json:"refId"`
	Expr  string `json:"expr"`
	Range bool   `json:"range"`
}

type variable struct {
	Name     string `json:"name"`
	Query    any    `json:"query"`
	AllValue string `json:"allValue"`
}

func readDashboard(t *testing.T, name string) dashboard {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, "dashboards", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// queries are those of all panels, by dashboard, row, panel and the query's letter: titles
// alone are not unique.
func (d dashboard) queries() map[string]target {
	row, all := "", map[string]target{}
	for _, p := range d.Panels {
		if p.Type == "row" {
			row = p.Title
		}
		for _, q := range p.Targets {
			all[d.Title+": "+row+": "+p.Title+" "+q.Ref] = q
		}
	}
	return all
}

// viewer asks a Prometheus what Grafana would, and keeps which queries had data.
type viewer struct {
	api   string
	since time.Time       // where the range of the dashboards begins
	seen  map[string]bool // by the names of queries
}

// look asks every query of the dashboard that had no data so far.
func (v *viewer) look(d dashboard) error {
	choices, err := v.choices(d)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Title, err)
	}
	for name, q := range d.queries() {
		for _, values := range choices {
			if v.seen[name] {
				break
			}
			if v.seen[name], err = v.answered(substituted(q.Expr, values), q.Range); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// labelValues is the query of a variable.
var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// choices are values for all variables: All where the reader can choose it, and each single
// one. The first is what a dashboard shows when it is opened.
func (v *viewer) choices(d dashboard) ([]map[string]string, error) {
	choices := []map[string]string{{
		"__rate_interval": "4s", // four scrapes of target local
		"__range":         strconv.Itoa(int(time.Since(v.since).Seconds())+1) + "s",
	}}
	for _, variable := range d.Templating.List {
		text, _ := variable.Query.(string)
		m := labelValues.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		var values []string
		if err := v.get("label/"+m[2]+"/values", url.Values{"match[]": {substituted(m[1], choices[0])}}, &values); err != nil {
			return nil, fmt.Errorf("variable %s: %w", variable.Name, err)
		}
		if variable.AllValue != "" {
			values = append([]string{variable.AllValue}, values...)
		}
		if len(values) == 0 {
			return nil, fmt.Errorf("variable %s has no value", variable.Name)
		}
		var all []map[string]string
		for _, c := range choices {
			for _, value := range values {
				chosen := map[string]string{variable.Name: value}
				for name, other := range c {
					chosen[name] = other
				}
				all = append(all, chosen)
			}
		}
		choices = all
	}
	return choices, nil
}

// used is a variable in a text.
var used = regexp.MustCompile(`\$(?:\{([a-zA-Z_]\w*)\}|([a-zA-Z_]\w*))`)

func substituted(text string, values map[string]string) string {
	return used.ReplaceAllStringFunc(text, func(found string) string {
		m := used.FindStringSubmatch(found)
		return values[m[1]+m[2]]
	})
}

// answered is whether a query has an answer: now, or anywhere in the range.
func (v *viewer) answered(expr string, overTime bool) (bool, error) {
	path, form := "query", url.Values{"query": {expr}}
	if overTime {
		path = "query_range"
		form.Set("start", v.since.UTC().Format(time.RFC3339))
		form.Set("end", time.Now().UTC().Format(time.RFC3339))
		form.Set("step", "1")
	}
	var data struct {
		Result []json.RawMessage `json:"result"`
	}
	err := v.get(path, form, &data)
	return len(data.Result) > 0, err
}

// get asks the HTTP API of the Prometheus, which is on loopback.
func (v *viewer) get(path string, form url.Values, data any) error {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(v.api + "/api/v1/" + path + "?" + form.Encode()) //nolint:noctx // it has a timeout
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		Error string `json:"error"`
		Data  any    `json:"data"`
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", form.Get("query"), answer.Error)
	}
	return nil
}
