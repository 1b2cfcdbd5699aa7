package ramp

import (
	"math"
	"strings"
	"testing"
)

const pricesText = `apiVersion: ballast.dev/v1alpha1
kind: Prices
currency: USD
source: https://example.com/prices
date: "2026-01-31"
items:
  - {name: nodes, perHour: 0.2, count: 3}
  - {name: gateway, perHour: 0.4}
  - {name: licence, perHour: 0.1, eachReplica: true}
`

func TestACostFollowsFromPricesRateAndReplicas(t *testing.T) {
	p, err := DecodePrices("p.yaml", []byte(pricesText))
	if err != nil {
		t.Fatal(err)
	}
	step := Step{Rate: 1000, Replicas: &Replicas{Ready: 2, Wanted: 3}}
	c := p.Of(&step)
	if c == nil {
		t.Fatal("no cost")
	}
	// 0.6 + 0.4 + 2 × 0.1 an hour, for 3.6 million requests.
	if math.Abs(c.PerHour-1.2) > 1e-9 || math.Abs(c.PerMillion-1.2/3.6) > 1e-9 || c.Currency != "USD" || c.Date != "2026-01-31" || c.Source == "" {
		t.Errorf("%+v", c)
	}
	for name, tc := range map[string]struct {
		sustained *Step
		why       string
	}{
		"nothing was sustained":       {nil, "no rate was sustained"},
		"nobody counted the replicas": {&Step{Rate: 1000}, "nobody could say"},
	} {
		r := Report{Result: Result{Sustained: tc.sustained}}.Priced(&p)
		if r.Cost != nil || !strings.Contains(r.NoCost, tc.why) {
			t.Errorf("%s: %+v, %q", name, r.Cost, r.NoCost)
		}
	}
	if r := (Report{Result: Result{Sustained: &step}}).Priced(nil); r.Cost != nil || !strings.Contains(r.NoCost, "--prices") {
		t.Errorf("without prices: %+v, %q", r.Cost, r.NoCost)
	}
}

func TestPricesWithoutSourceOrDateAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"no source":              {"source: https://example.com/prices\n", "", "source: is missing"},
		"no date":                {"date: \"2026-01-31\"\n", "", "date:"},
		"a date that is none":    {"2026-01-31", "last week", "date:"},
		"no currency":            {"currency: USD\n", "", "currency: is missing"},
		"another kind":           {"kind: Prices", "kind: Price", "kind:"},
		"another version":        {"v1alpha1", "v2", "apiVersion:"},
		"no price":               {"name: gateway, perHour: 0.4", "name: gateway", "items[1].perHour: is missing"},
		"no name":                {"name: gateway, ", "", "items[1].name: is missing"},
		"a price below zero":     {"perHour: 0.4", "perHour: -0.4", "items[1].perHour: -0.4"},
		"a count below zero":     {"count: 3", "count: -3", "items[0].count: -3"},
		"an unknown field":       {"count: 3", "amount: 3", "items[0].amount"},
		"a price that is text":   {"perHour: 0.4", `perHour: "0.4"`, "items[1].perHour"},
		"nothing is paid for":    {pricesText[strings.Index(pricesText, "items:"):], "items: []\n", "items: is empty"},
		"two documents":          {"apiVersion", "a: 1\n---\napiVersion", "one document"},
		"no document":            {pricesText, "", "one document"},
		"a file that is no YAML": {"kind: Prices", "kind: [", "p.yaml"},
	} {
		text := strings.Replace(pricesText, tc.from, tc.to, 1)
		if _, err := DecodePrices("p.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func FuzzPrices(f *testing.F) {
	f.Add([]byte(pricesText))
	f.Add([]byte("items: [{perHour: .nan}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodePrices("p.yaml", data)
		if err != nil {
			return
		}
		if p.Source == "" || p.Date == "" {
			t.Fatalf("accepted without source or date: %+v", p)
		}
		c := p.Of(&Step{Rate: 1, Replicas: &Replicas{Ready: 1}})
		if c == nil || c.PerHour < 0 || math.IsNaN(c.PerHour) {
			t.Fatalf("accepted prices cost %+v", c)
		}
	})
}
