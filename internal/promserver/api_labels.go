package promserver

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// selection is what the endpoints about series and labels have in common.
type selection struct {
	storage.Querier
	sets       [][]*labels.Matcher // any of them; none means everything
	mint, maxt int64
	limit      int
}

// selection opens a querier that the caller closes.
func (a *api) selection(r *http.Request) (*selection, error) {
	sets, err := a.parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return nil, badData("match[]", err)
	}
	start, err := timeOf(r, "start", minTime())
	if err != nil {
		return nil, err
	}
	end, err := timeOf(r, "end", maxTime())
	if err != nil {
		return nil, err
	}
	if end.Before(start) {
		return nil, badData("end", errors.New("it is before start"))
	}
	limit, err := limitOf(r)
	if err != nil {
		return nil, err
	}
	s := &selection{sets: sets, mint: start.UnixMilli(), maxt: end.UnixMilli(), limit: limit}
	if s.Querier, err = a.db.Querier(s.mint, s.maxt); err != nil {
		return nil, err
	}
	return s, nil
}

// close gives the querier back. Nothing was written that could be lost.
func (s *selection) close() { _ = s.Close() }

// each collects the answers over all matcher sets, sorted, each once, cut to the
// limit.
func (s *selection) each(ask func(ms ...*labels.Matcher) ([]string, annotations.Annotations, error)) ([]string, annotations.Annotations, error) {
	sets := s.sets
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	all := []string{} // never null in JSON
	var notes annotations.Annotations
	for _, ms := range sets {
		some, more, err := ask(ms...)
		notes.Merge(more)
		if err != nil {
			return nil, notes, evaluationError(err)
		}
		all = append(all, some...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return cut(all, s.limit), notes, nil
}

func cut[T any](all []T, limit int) []T {
	if limit > 0 && len(all) > limit {
		return all[:limit]
	}
	return all
}

func (a *api) labelNames(r *http.Request) (any, annotations.Annotations, error) {
	s, err := a.selection(r)
	if err != nil {
		return nil, nil, err
	}
	defer s.close()
	return s.each(func(ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return s.LabelNames(r.Context(), nil, ms...)
	})
}

func (a *api) labelValues(r *http.Request) (any, annotations.Annotations, error) {
	// Names that would not fit a URL come escaped.
	name := model.UnescapeName(r.PathValue("name"), model.ValueEncodingEscaping)
	if !model.UTF8Validation.IsValidLabelName(name) {
		return nil, nil, badData("name", fmt.Errorf("%q is not the name of a label", name))
	}
	s, err := a.selection(r)
	if err != nil {
		return nil, nil, err
	}
	defer s.close()
	return s.each(func(ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return s.LabelValues(r.Context(), name, nil, ms...)
	})
}

func (a *api) series(r *http.Request) (any, annotations.Annotations, error) {
	if len(r.Form["match[]"]) == 0 {
		return nil, nil, badData("match[]", errors.New("it is missing"))
	}
	s, err := a.selection(r)
	if err != nil {
		return nil, nil, err
	}
	defer s.close()
	found := []labels.Labels{}
	var notes annotations.Annotations
	for _, ms := range s.sets {
		// Without start and end in the hints it would find nothing.
		hints := &storage.SelectHints{Start: s.mint, End: s.maxt, Func: "series"}
		set := s.Select(r.Context(), true, hints, ms...)
		for set.Next() {
			found = append(found, set.At().Labels())
		}
		notes.Merge(set.Warnings())
		if err := set.Err(); err != nil {
			return nil, notes, evaluationError(err)
		}
	}
	slices.SortFunc(found, labels.Compare)
	found = slices.CompactFunc(found, labels.Equal)
	return cut(found, s.limit), notes, nil
}
