package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ballast-sre/ballast/chaos/runner/internal/fault"
)

func TestLogsKeepTroubleAndWhatStandsNextToTheCause(t *testing.T) {
	from := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	at := func(sec int) time.Time { return from.Add(time.Duration(sec) * time.Second) }
	var lines []fault.Said
	for i := range 300 {
		lines = append(lines, fault.Said{At: at(300 - i), Source: "pod-a", Text: fmt.Sprintf("line %d", 300-i)})
	}
	lines = append(lines,
		fault.Said{At: at(290), Source: "pod-b", Text: `{"level":"ERROR","msg":"no upstream"}`},
		fault.Said{At: at(-1), Source: "pod-b", Text: "before"}, fault.Said{At: at(400), Source: "pod-b", Text: "after"},
		fault.Said{At: at(3), Source: "pod-b"},
	)
	got, dropped := picked(lines, from, at(310))
	if len(got) != maxLogLines || dropped != 301-maxLogLines {
		t.Fatalf("%d lines, %d dropped", len(got), dropped)
	}
	if got[0].Text != "line 1" || got[len(got)-1].Source != "pod-b" || got[len(got)-2].Text != fmt.Sprintf("line %d", maxLogLines-1) {
		t.Errorf("first %+v, last %+v", got[0], got[len(got)-2:])
	}
	if got, dropped := picked(nil, from, at(1)); got != nil || dropped != 0 {
		t.Errorf("of nothing: %v %d", got, dropped)
	}
}

func TestLogsHoldNoSecretsAndNoNovels(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`GET https://user:pa55@example.test/?token=abc`, `GET https://xxxxx@example.test/?token=xxxxx`},
		{`{"msg":"login","password":"pa\"55","user":"a"}`, `{"msg":"login","password":xxxxx,"user":"a"}`},
		{`Authorization: Bearer eyJhbGci.x.y`, `Authorization: Bearer xxxxx`},
		{`api_key=12345, next`, `api_key=xxxxx, next`},
		{`DB_PASSWORD: hunter2`, `DB_PASSWORD: xxxxx`},
		{`the tokenizer is ready`, `the tokenizer is ready`},
		{`{"level":"INFO","msg":"listening","address":"127.0.0.1:80"}`, `{"level":"INFO","msg":"listening","address":"127.0.0.1:80"}`},
	} {
		if got := redacted(tt.text); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	for _, text := range []string{strings.Repeat("é", 1000), "bad \xff byte" + strings.Repeat("x", 1000)} {
		if got := shortened(text); len(got) > maxLogText+len("…") || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
		}
	}
}
