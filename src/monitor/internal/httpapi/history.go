package httpapi

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/history"
	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// maxSeries is how many series one request may ask for.
const maxSeries = 32

// HistoryContents is the body of /api/v1/history without a series.
type HistoryContents struct {
	// Series are what can be asked for; those with an item as series:item.
	Series []history.Ref `json:"series"`
	// LeftOut are those for which --history-memory does not suffice.
	LeftOut     []history.Ref `json:"leftOut"`
	MemoryBytes int           `json:"memoryBytes"`
	UsedBytes   int           `json:"usedBytes"`
	// SampleSeconds is for how long every sample is kept, BucketsSeconds
	// for how long means of BucketSeconds are.
	SampleSeconds  float64 `json:"sampleSeconds"`
	BucketSeconds  float64 `json:"bucketSeconds"`
	BucketsSeconds float64 `json:"bucketsSeconds"`
}

// HistoryRange is the body of /api/v1/history with series.
type HistoryRange struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Series are in the order in which they were asked for.
	Series []HistorySeries `json:"series"`
}

// HistorySeries is one series between two moments. Moments without a figure
// are left out.
type HistorySeries struct {
	history.Ref
	// Samples are pairs: milliseconds since 1970, and the value.
	Samples []HistorySample `json:"samples"`
	// Buckets are milliseconds since 1970 at which ten seconds begin, and
	// their mean, minimum and maximum.
	Buckets []HistoryBucket `json:"buckets"`
}

// HistorySample is a history.Point as an array.
type HistorySample history.Point

// MarshalJSON implements json.Marshaler.
func (s HistorySample) MarshalJSON() ([]byte, error) {
	return appendRow(nil, s.At, s.Value), nil
}

// HistoryBucket is a history.Bucket as an array.
type HistoryBucket history.Bucket

// MarshalJSON implements json.Marshaler.
func (b HistoryBucket) MarshalJSON() ([]byte, error) {
	return appendRow(nil, b.From, b.Mean, b.Min, b.Max), nil
}

func appendRow(b []byte, at int64, values ...float32) []byte {
	b = strconv.AppendInt(append(b, '['), at, 10)
	for _, v := range values {
		b = append(b, ',')
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			b = append(b, "null"...) // no JSON, and no figure
		} else {
			b = strconv.AppendFloat(b, f, 'g', -1, 32)
		}
	}
	return append(b, ']')
}

func (a *API) history(c *gin.Context) {
	values, ok := query(c, map[string]int{"series": maxSeries, "from": 1, "to": 1})
	if !ok {
		return
	}
	if len(values["series"]) == 0 {
		for _, name := range []string{"from", "to"} {
			if values.Has(name) {
				badParameter(c, name, "it needs a series; without one, the series that there are are listed")
				return
			}
		}
		a.historyContents(c)
		return
	}
	r := HistoryRange{To: time.Now().UTC()}
	if r.To, ok = moment(c, values, "to", r.To); !ok {
		return
	}
	if r.From, ok = moment(c, values, "from", r.To.Add(-history.BucketsTime)); !ok {
		return
	}
	if r.From.After(r.To) {
		badParameter(c, "from", "it is after the end of the range")
		return
	}
	for _, name := range values["series"] {
		ref := history.ParseRef(name)
		points, found := a.cfg.History.Range(ref, r.From, r.To)
		if !found {
			parameterProblem(c, http.StatusNotFound, "series", fmt.Sprintf("there is no series %q; /api/v1/history lists what there is, and what is left out", name))
			return
		}
		r.Series = append(r.Series, seriesOf(ref, points))
	}
	a.marshalled(c, "history", r)
}

func seriesOf(ref history.Ref, p history.Points) HistorySeries {
	s := HistorySeries{Ref: ref, Samples: make([]HistorySample, len(p.Samples)), Buckets: make([]HistoryBucket, len(p.Buckets))}
	for i, point := range p.Samples {
		s.Samples[i] = HistorySample(point)
	}
	for i, bucket := range p.Buckets {
		s.Buckets[i] = HistoryBucket(bucket)
	}
	return s
}

func (a *API) historyContents(c *gin.Context) {
	contents := a.cfg.History.Contents()
	a.marshalled(c, "history", HistoryContents{
		Series: contents.Series, LeftOut: contents.LeftOut, MemoryBytes: contents.Memory, UsedBytes: contents.UsedBytes,
		SampleSeconds: history.SampleTime.Seconds(), BucketSeconds: history.BucketTime.Seconds(), BucketsSeconds: history.BucketsTime.Seconds(),
	})
}

func (a *API) marshalled(c *gin.Context, what sample.Name, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		a.notEncoded(c, what, err)
		return
	}
	a.answer(c, newBody(body))
}

// moment reads a parameter that is a time: RFC 3339, or seconds since 1970.
func moment(c *gin.Context, values url.Values, name string, otherwise time.Time) (time.Time, bool) {
	text := values.Get(name)
	if text == "" {
		return otherwise, true
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC(), true
	}
	const most = 253402300799 // the end of the year 9999
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0 && seconds <= most) {
		badParameter(c, name, "write a time as RFC 3339 has it, or seconds since 1970")
		return time.Time{}, false
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC(), true
}
