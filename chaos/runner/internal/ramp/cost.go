package ramp

import (
	"fmt"
	"math"
	"time"

	"github.com/ballast-sre/ballast/internal/document"
)

// Prices are what a platform costs by the hour, and who says so.
type Prices struct {
	Currency string
	Source   string // where the figures are from
	Date     string // when they were read, YYYY-MM-DD
	Items    []Item
}

// Item is one thing that is paid for.
type Item struct {
	Name    string
	PerHour float64
	Count   float64
	// EachReplica multiplies it with the replicas that were ready.
	EachReplica bool
}

type rawPrices struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Currency   string    `json:"currency"`
	Source     string    `json:"source"`
	Date       string    `json:"date"`
	Items      []rawItem `json:"items"`
}

type rawItem struct {
	Name        string   `json:"name"`
	PerHour     *float64 `json:"perHour"`
	Count       *float64 `json:"count"`
	EachReplica bool     `json:"eachReplica"`
}

const (
	pricesVersion = "ballast.dev/v1alpha1"
	pricesKind    = "Prices"
)

// DecodePrices reads one document of prices. A figure without its source and date is
// refused: nobody could check it.
func DecodePrices(file string, data []byte) (Prices, error) {
	docs, problems := document.Split(file, data)
	if len(problems) > 0 {
		return Prices{}, document.Err(problems)
	}
	if len(docs) != 1 {
		return Prices{}, document.Problems{{File: file, Message: "want one document of kind Prices; see docs/reference/load-test.md"}}
	}
	c := document.Checker{Doc: docs[0]}
	var raw rawPrices
	c.Decode(&raw)
	p := Prices{Currency: raw.Currency, Source: raw.Source, Date: raw.Date}
	if raw.APIVersion != pricesVersion && !c.Bad("apiVersion") {
		c.Problem("apiVersion", "%q: want %s", raw.APIVersion, pricesVersion)
	}
	if raw.Kind != pricesKind && !c.Bad("kind") {
		c.Problem("kind", "%q: want %s", raw.Kind, pricesKind)
	}
	for field, of := range map[string]struct{ value, mend string }{
		"currency": {raw.Currency, "say which, such as USD"},
		"source":   {raw.Source, "say where the figures are from, such as the address of a page or the offer's name"},
	} {
		if of.value == "" && !c.Bad(field) {
			c.Problem(field, "is missing: %s", of.mend)
		}
	}
	if _, err := time.Parse(time.DateOnly, raw.Date); err != nil && !c.Bad("date") {
		c.Problem("date", "%q is no date: say when the figures were read, as \"2026-01-31\"", raw.Date)
	}
	if len(raw.Items) == 0 && !c.Bad("items") {
		c.Problem("items", "is empty: name what is paid for, each with name and perHour")
	}
	for i, item := range raw.Items {
		p.Items = append(p.Items, readItem(&c, fmt.Sprintf("items[%d]", i), item))
	}
	return p, document.Err(c.Problems)
}

func readItem(c *document.Checker, path string, raw rawItem) Item {
	item := Item{Name: raw.Name, Count: 1, EachReplica: raw.EachReplica}
	if raw.Name == "" && !c.Bad(path+".name") {
		c.Problem(path+".name", "is missing: say what is paid for")
	}
	if raw.PerHour != nil {
		item.PerHour = *raw.PerHour
	} else if !c.Bad(path + ".perHour") {
		c.Problem(path+".perHour", "is missing: give the price of an hour")
	}
	if raw.Count != nil {
		item.Count = *raw.Count
	}
	for field, v := range map[string]float64{"perHour": item.PerHour, "count": item.Count} {
		if (v < 0 || math.IsNaN(v) || math.IsInf(v, 0)) && !c.Bad(path+"."+field) {
			c.Problem(path+"."+field, "%v: want 0 or more", v)
		}
	}
	return item
}

// Cost is what a million requests cost at a rate.
type Cost struct {
	Currency   string  `json:"currency"`
	PerHour    float64 `json:"perHour"`
	PerMillion float64 `json:"perMillionRequests"`
	Rate       float64 `json:"rate"` // at which
	Source     string  `json:"source"`
	Date       string  `json:"date"`
}

// Of is the cost at the step; nil where nothing was sustained, or where a price depends on
// replicas that nobody could count.
func (p Prices) Of(s *Step) *Cost {
	if s == nil {
		return nil
	}
	c := &Cost{Currency: p.Currency, Rate: s.Rate, Source: p.Source, Date: p.Date}
	for _, i := range p.Items {
		price := i.PerHour * i.Count
		if i.EachReplica {
			if s.Replicas == nil {
				return nil
			}
			price *= float64(s.Replicas.Ready)
		}
		c.PerHour += price
	}
	c.PerMillion = c.PerHour / (s.Rate * time.Hour.Seconds()) * 1e6
	return c
}
