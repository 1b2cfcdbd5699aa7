package httpapi

import (
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ballast-sre/ballast/src/monitor/internal/sample"
)

// Index is the body of /api/v1.
type Index struct {
	Version    string           `json:"version"`
	Collectors []CollectorState `json:"collectors"`
	// Links are the other paths below /api/v1.
	Links map[string]string `json:"links"`
}

// CollectorState is how one collector is doing, and where its reading is.
type CollectorState struct {
	Name      sample.Name  `json:"name"`
	Href      string       `json:"href"`
	SampledAt *time.Time   `json:"sampledAt"` // null: no reading yet
	State     sample.State `json:"state"`
	Stale     bool         `json:"stale"`
	Error     string       `json:"error,omitempty"`
	// Unreadable is how many files and mounts the reading lacks; the
	// reading names them.
	Unreadable   int    `json:"unreadable"`
	LinesSkipped uint64 `json:"linesSkipped"`
	// Scopes say of which figures it is known whether they are the host's.
	Scopes []sample.Scope `json:"scopes,omitempty"`
	// IntervalSeconds is longer than --interval where reading takes long.
	IntervalSeconds float64 `json:"intervalSeconds"`
	DurationSeconds float64 `json:"durationSeconds"`
	Successes       uint64  `json:"successes"`
	Failures        uint64  `json:"failures"`
}

func (a *API) index(c *gin.Context) {
	s := a.cfg.Snapshot()
	idx := Index{Version: a.cfg.Build.Version, Collectors: make([]CollectorState, 0, len(s.Statuses)), Links: a.links()}
	for _, st := range s.Statuses {
		state := CollectorState{
			Name:            st.Name,
			Href:            route(st.Name),
			State:           st.State(),
			Stale:           st.Stale(),
			Unreadable:      len(st.Problems),
			LinesSkipped:    st.LinesSkipped,
			Scopes:          st.Scopes,
			IntervalSeconds: st.Interval.Seconds(),
			DurationSeconds: st.Duration.Seconds(),
			Successes:       st.Successes,
			Failures:        st.Failures,
		}
		if st.Ready() {
			state.SampledAt = &st.SampledAt
		}
		if st.Err != nil {
			state.Error = st.Err.Error()
		}
		idx.Collectors = append(idx.Collectors, state)
	}
	a.marshalled(c, "index", idx)
}

func (a *API) links() map[string]string {
	links := map[string]string{"snapshot": "/api/v1/snapshot", "stream": streamRoute, "openapi": openAPIRoute, "docs": docsRoute}
	if a.cfg.History != nil {
		links["history"] = "/api/v1/history"
	}
	return links
}
