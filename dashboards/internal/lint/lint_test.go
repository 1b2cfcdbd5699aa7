package lint_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ballast-sre/ballast/dashboards/internal/lint"
)

func sound(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("testdata/sound.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestASoundDashboardHasNoProblem(t *testing.T) {
	content := []byte(sound(t))
	if err := lint.Strict(content); err != nil {
		t.Error(err)
	}
	problems, err := lint.Check(content)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// Each row spoils the sound dashboard in one way.
func TestEveryRuleFindsWhatItIsFor(t *testing.T) {
	const (
		rate  = `sum by (code) (rate(monitor_http_requests_total{pod=~\"$replica\"}[$__rate_interval]))`
		table = `max by (pod) (up{pod=~\"$replica\"})`
	)
	tests := map[string]struct{ old, new, want string }{
		"two panels lie upon each other":              {`"w": 12, "x": 12, "y": 1`, `"w": 13, "x": 11, "y": 1`, `panel "Pods": it lies upon "Requests" (grid)`},
		"a panel is wider than the grid":              {`"w": 12, "x": 12, "y": 1`, `"w": 13, "x": 12, "y": 1`, `panel "Pods": it lies outside of the grid`},
		"two panels have one id":                      {`"id": 3`, `"id": 2`, `panel "Pods": its id 2 is not positive and unique ("Requests") (id)`},
		"a panel has no description":                  {`"description": "Every pod."`, `"description": ""`, `panel "Pods": title and description must be there (panel 3) (texts)`},
		"the dashboard has no description":            {`"description": "A test."`, `"description": ""`, `title and description must say what it is for (texts)`},
		"people may change it":                        {`"editable": false`, `"editable": true`, `editable must be false`},
		"the uid is too short to be one":              {`"uid": "ballast-test"`, `"uid": "b"`, `its uid "b" must have 8 to 40 characters`},
		"the range ends in the past":                  {`"to": "now"`, `"to": "now-1h"`, `it must begin with a range that ends now`},
		"the unit is misspelt":                        {`"unit": "reqps"`, `"unit": "req/s"`, `panel "Requests": Grafana knows no unit "req/s" (unit)`},
		"a column's unit is misspelt":                 {`"value": "percentunit"`, `"value": "ratio"`, `panel "Pods": Grafana knows no unit "ratio" (unit)`},
		"the data source is fixed":                    {`"datasource": {"type": "prometheus", "uid": "${datasource}"}, "gridPos": {"h": 8, "w": 12, "x": 0`, `"datasource": {"type": "prometheus", "uid": "prometheus"}, "gridPos": {"h": 8, "w": 12, "x": 0`, `panel "Requests": the data source "prometheus" is fixed`},
		"a query has no type of data source":          {`"refId": "A", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "expr": "sum`, `"refId": "A", "datasource": {"uid": "${datasource}"}, "expr": "sum`, `panel "Requests": the data source and its type must be there`},
		"a query does not parse":                      {rate, `sum by (code (`, `panel "Requests": query A does not parse`},
		"a window is fixed":                           {`[$__rate_interval]`, `[5m]`, `panel "Requests": query A has the fixed window 5m; write $__rate_interval`},
		"the interval is used for a rate":             {`[$__rate_interval]`, `[$__interval]`, `panel "Requests": query A has the fixed window $__interval`},
		"an offset is fixed":                          {table, `max by (pod) (up{pod=~\"$replica\"} offset 1d)`, `panel "Pods": query A has the fixed window 1d`},
		"a counter is read as it stands":              {rate, `sum by (code) (monitor_http_requests_total{pod=~\"$replica\"})`, `panel "Requests": query A reads the counter monitor_http_requests_total without rate`},
		"a counter is averaged and not its rate":      {rate, `sum(avg_over_time(monitor_http_requests_total{pod=~\"$replica\"}[$__rate_interval]))`, `panel "Requests": query A reads the counter`},
		"the interval of a query is fixed":            {`"range": true, "instant": false`, `"range": true, "instant": false, "interval": "30s"`, `panel "Requests": the interval "30s" of query A is fixed`},
		"a variable is used and not declared":         {table, `max by (pod) (up{pod=~\"$replica\",job=\"$job\"})`, `variable "job" is used and not declared`},
		"a variable is declared and not used":         {`pod=~\"$replica\"`, `pod=~\".*\"`, `variable "replica" is declared and not used`},
		"several values are compared with one":        {table, `max by (pod) (up{pod=\"$replica\"})`, `panel "Pods": query A compares with $replica by "="`},
		"a variable is asked for once":                {`"refresh": 2`, `"refresh": 1`, `variable "replica" must be asked for when the range changes`},
		"a variable's query is not PromQL":            {`label_values(up{job=\"monitor\"}, pod)`, `label_values(up{job=, pod)`, `variable "replica": up{job= does not parse`},
		"a variable's query is of another kind":       {`label_values(up{job=\"monitor\"}, pod)`, `query_result(up)`, `variable "replica" must be label_values(selector, label)`},
		"All leaves out series without the label":     {`"allValue": ".*"`, `"allValue": ".+"`, `All of variable "replica" must be .*`},
		"a variable has no label":                     {`"label": "Replica"`, `"label": ""`, `variable "replica" has no label`},
		"the data source cannot be chosen":            {`"type": "datasource", "name": "datasource"`, `"type": "datasource", "name": "source"`, `the variable "datasource" must choose the data source`},
		"the type of panel is none of those drawn":    {`"type": "table"`, `"type": "piechart"`, `panel "Pods": the preview does not draw panels of type "piechart"`},
		"a table's query asks over the range":         {`"range": false, "instant": true, "format": "table"`, `"range": true, "instant": false, "format": "table"`, `panel "Pods": query A must ask for the end of the range`},
		"a chart's query asks for its end alone":      {`"range": true, "instant": false`, `"range": false, "instant": true`, `panel "Requests": query A must ask for the end of the range, or in a chart for the whole range`},
		"a query asks both ways":                      {`"range": true, "instant": false`, `"range": true, "instant": true`, `panel "Requests": query A must be either instant or over the range`},
		"two queries have one name":                   {`"refId": "B"`, `"refId": "A"`, `panel "Pods": the refId "A" of a query is not unique`},
		"a column is of a query that is not there":    {`"Value #B": "Used"`, `"Value #C": "Used"`, `panel "Pods": no query has the field "Value #C"`},
		"a table asks in another format":              {`"instant": true, "format": "table"`, `"instant": true, "format": "time_series"`, `panel "Pods": query A must be instant and of format table`},
		"thresholds do not ascend":                    {`{"value": 2, "color": "red"}`, `{"value": 1, "color": "red"}`, `panel "Requests": the thresholds must ascend`},
		"the first threshold has a value":             {`{"value": null, "color": "green"}`, `{"value": 0, "color": "green"}`, `panel "Requests": the first threshold, and no other, has no value`},
		"the mode of the thresholds is misspelt":      {`"mode": "absolute"`, `"mode": "absolut"`, `panel "Requests": Grafana knows no threshold mode "absolut"`},
		"the mode of the colours is misspelt":         {`"mode": "palette-classic"`, `"mode": "classic"`, `panel "Requests": Grafana knows no colour mode "classic"`},
		"the type of a mapping is misspelt":           {`"type": "value", "options": {"0"`, `"type": "values", "options": {"0"`, `panel "Requests": Grafana knows no mapping of type "values"`},
		"a tile is bright whatever it shows":          {`"frameIndex": 0`, `"frameIndex": 0, "colorMode": "background"`, `panel "Pods": a background in the one colour that it has`},
		"an annotation has a query of which one part": {`"expr": "sum(ballast_guard_runs) > 0", "titleFormat"`, `"expr": "sum(ballast_guard_runs) > 1", "titleFormat"`, `annotation Chaos": its query must be there both ways`},
		"an annotation has no title":                  {`"titleFormat": "Chaos"`, `"titleFormat": ""`, `panel "annotation Chaos": it has no title`},
		"a panel asks nothing":                        {`"targets": [{"refId": "A", "datasource": {"type": "prometheus", "uid": "${datasource}"}, "expr": "` + rate + `", "range": true, "instant": false, "format": "time_series"}]`, `"targets": []`, `panel "Requests": it asks nothing`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spoilt := strings.ReplaceAll(sound(t), test.old, test.new)
			if spoilt == sound(t) {
				t.Fatalf("the sound dashboard has no %s", test.old)
			}
			problems, err := lint.Check([]byte(spoilt))
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, p := range problems {
				all = append(all, p.String())
			}
			if text := strings.Join(all, "\n"); !strings.Contains(text, test.want) {
				t.Errorf("want a problem with %s, got\n%s", test.want, text)
			}
		})
	}
}

func TestADashboardThatFillsAConfigMapIsFound(t *testing.T) {
	large := strings.Replace(sound(t), "A test.", strings.Repeat("x", 200_000), 1)
	problems, err := lint.Check([]byte(large))
	if err != nil || len(problems) != 1 || problems[0].Rule != "size" {
		t.Errorf("%v, %v", problems, err)
	}
}

func TestTheStrictDecoderFindsUnknownAndWrongFields(t *testing.T) {
	for name, test := range map[string]struct{ old, new string }{
		"a field of the dashboard": {`"editable": false`, `"editable": false, "editible": true`},
		"a field of a panel":       {`"id": 3`, `"id": 3, "ids": 4`},
		"a field of a query":       {`"refId": "B"`, `"refId": "B", "expression": "up"`},
		"an option of a panel":     {`"showHeader": true`, `"showHeader": true, "showFooter": true`},
		"a type":                   {`"showHeader": true`, `"showHeader": "yes"`},
		"no JSON":                  {`"id": 3`, `"id": `},
	} {
		t.Run(name, func(t *testing.T) {
			spoilt := strings.Replace(sound(t), test.old, test.new, 1)
			if spoilt == sound(t) {
				t.Fatalf("the sound dashboard has no %s", test.old)
			}
			if err := lint.Strict([]byte(spoilt)); err == nil {
				t.Error("nothing was found")
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	content, err := os.ReadFile("testdata/sound.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte(`{"panels":[{"targets":[{"expr":"$"}],"fieldConfig":{"defaults":{"thresholds":{"steps":[{},{}]}}}}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		if problems, err := lint.Check(content); err == nil && len(problems) == 0 && len(content) > 200_000 {
			t.Error("a dashboard that is too large has no problem")
		}
	})
}
