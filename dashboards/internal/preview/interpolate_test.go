package preview

import (
	"slices"
	"testing"
	"time"
)

func testScope() scope {
	to := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return scope{
		span: span{to.Add(-time.Hour), to}, interval: 15 * time.Second, scrape: 15 * time.Second,
		choices: map[string]choice{
			"datasource": {values: []string{"http://127.0.0.1:9090"}, plain: true},
			"logs":       {values: []string{"http://127.0.0.1:9428"}, plain: true},
			"all":        {values: []string{"a", "b"}, all: true, allValue: ".*", many: true},
			"one":        {values: []string{"a.b"}, many: true},
			"two":        {values: []string{"a.b", "c|d"}, many: true},
			"single":     {values: []string{`a"b`}},
			"every":      {values: []string{"a", "b"}, all: true, many: true},
		},
	}
}

func TestQueriesGetTheValuesOfTheirVariables(t *testing.T) {
	for text, want := range map[string]string{
		`up{a=~"$all"}`:             `up{a=~".*"}`,
		`up{a=~"${all}"}`:           `up{a=~".*"}`,
		`up{a=~"$one"}`:             `up{a=~"a\\.b"}`,
		`up{a=~"$two"}`:             `up{a=~"(a\\.b|c\\|d)"}`,
		`up{a=~"${two:pipe}"}`:      `up{a=~"a.b|c|d"}`,
		`up{a=~"${two:raw}"}`:       `up{a=~"a.b,c|d"}`,
		`up{a="$single"}`:           `up{a="a\"b"}`,
		`up{a=~"$every"}`:           `up{a=~"(a|b)"}`,
		`rate(x[$__rate_interval])`: `rate(x[1m])`,
		`rate(x[$__interval])`:      `rate(x[15s])`,
		`x[$__range]`:               `x[3600s]`,
		`x * $__range_s`:            `x * 3600`,
		`x * $__interval_ms`:        `x * 15000`,
		`x{a="$unknown"}`:           `x{a="$unknown"}`,
		`label_replace(x, "$1")`:    `label_replace(x, "$1")`,
		`$__rate_intervals`:         `$__rate_intervals`,
	} {
		if got := testScope().query(text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestLinksKeepTheReadersChoice(t *testing.T) {
	at := cell{raw: "a b", row: map[string]string{"From": "1772600000000"}}
	for text, want := range map[string]string{
		`/d/x?var-slo=${__value.raw}&${datasource:queryparam}&${__url_time_range}`: `/d/x?var-slo=a+b&var-datasource=http%3A%2F%2F127.0.0.1%3A9090&from=1772597167000&to=1772600767000`,
		`/d/x?from=${__data.fields["From"].numeric}`:                               `/d/x?from=1772600000000`,
		`/d/x?${all:queryparam}`:                                                   `/d/x?var-all=%24__all`,
		`/d/x?${two:queryparam}`:                                                   `/d/x?var-two=a.b&var-two=c%7Cd`,
		`${logs:raw}/q?[${__from:date:iso}, ${__to:date:iso}]`:                     `http://127.0.0.1:9428/q?[2026-03-04T04:06:07.000Z, 2026-03-04T05:06:07.000Z]`,
		`${logs:raw}/${__to}`:                                                      `http://127.0.0.1:9428/1772600767000`,
		`/d/${nothing}`:                                                            `/d/${nothing}`,
	} {
		if got := testScope().link(text, at); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestTitlesSayWhatIsChosen(t *testing.T) {
	for text, want := range map[string]string{"$all of $two": "All of a.b + c|d", "costs $5": "costs $5", "${one}": "a.b"} {
		if got := testScope().words(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestVariablesWithoutAValueAreNamed(t *testing.T) {
	if got := testScope().unknown(`x{a="$all",b="$other",c="${other}"}[$__rate_interval]`); !slices.Equal(got, []string{"other"}) {
		t.Error(got)
	}
}
