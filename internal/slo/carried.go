package slo

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ballast-sre/ballast/internal/document"
)

// The annotations by which a document chooses what OpenSLO has no field for.
const (
	annotations            = "ballast.dev/"
	annotationGroupBy      = annotations + "group-by"
	annotationNoData       = annotations + "no-data"
	annotationMinBadEvents = annotations + "min-bad-events"
	annotationRunbookURL   = annotations + "runbook-url"
)

// reserved are labels that every rule or alert has of its own.
func reserved() []string {
	return []string{"alertname", "alertstate", "long_window", "notification_target", "service", "severity", "short_window", "slo", "tier", "window"}
}

// labelValue is a text, or as OpenSLO allows a list of texts, which becomes one text:
// sorted, and joined by commas.
type labelValue string

// UnmarshalYAML reads a text or a list of texts.
func (v *labelValue) UnmarshalYAML(n *yaml.Node) error {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
		if len(nodes) == 0 {
			return fmt.Errorf("is an empty list; remove the label or give it a value")
		}
	}
	var texts []string
	for _, node := range nodes {
		switch {
		case node.Kind != yaml.ScalarNode || node.Tag == "!!null":
			return fmt.Errorf("want text or a list of texts")
		case node.Tag != "!!str" && node.Tag != "!!timestamp":
			return fmt.Errorf("want text, got %s; quote it: %q", node.Value, node.Value)
		}
		texts = append(texts, node.Value)
	}
	slices.Sort(texts)
	*v = labelValue(strings.Join(slices.Compact(texts), ","))
	return nil
}

var promLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// carried reads the labels and annotations that the rules carry.
func (r *reader) carried(raw *rawMetadata, s *SLO) {
	if len(raw.Labels) > 0 {
		s.Labels = map[string]string{}
	}
	for name, value := range raw.Labels {
		at := "metadata.labels." + name
		switch {
		case slices.Contains(reserved(), strings.ReplaceAll(name, "-", "_")):
			r.Problem(at, "is a label that the rules set themselves; use another name")
		case strings.HasPrefix(name, "__"):
			r.Problem(at, "begins with __, which Prometheus keeps for itself; use another name")
		}
		s.Labels[name] = string(value)
	}
	s.Annotations = raw.Annotations
	for name, value := range raw.Annotations {
		if strings.HasPrefix(name, annotations) {
			r.annotation(name, value, s)
		}
	}
	for _, name := range s.GroupBy {
		if _, own := s.Labels[name]; own {
			r.Problem("metadata.labels."+name, "is also a label that the SLO is grouped by; use another name")
		}
	}
}

func (r *reader) annotation(name, value string, s *SLO) {
	at := "metadata.annotations." + name
	switch name {
	case annotationGroupBy:
		for label := range strings.SplitSeq(value, ",") {
			label = strings.TrimSpace(label)
			switch {
			case !promLabel.MatchString(label) || strings.HasPrefix(label, "__"):
				r.Problem(at, "%q is not the name of a label; write names separated by commas, such as cluster,route", document.Shorten(label))
			case slices.Contains(reserved(), label):
				r.Problem(at, "%q is a label that the rules set themselves; group by another one", label)
			case slices.Contains(s.GroupBy, label):
				r.Problem(at, "%q is given twice; remove one", label)
			default:
				s.GroupBy = append(s.GroupBy, label)
			}
		}
		slices.Sort(s.GroupBy)
	case annotationNoData:
		if !slices.Contains([]string{NoDataTicket, NoDataPage, NoDataNone}, value) {
			r.Problem(at, "%q is not supported; write ticket, page or none", document.Shorten(value))
		}
		s.NoData = value
	case annotationMinBadEvents:
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxMinBadEvents {
			r.Problem(at, "%q is not a number of events; write a whole number from 1 to %d, in quotes", document.Shorten(value), maxMinBadEvents)
			return
		}
		s.MinBadEvents = n
	case annotationRunbookURL:
		if !document.WebAddress(value) {
			r.Problem(at, "%q is not a web address; write one that begins with https://", document.Shorten(value))
		}
		s.RunbookURL = value
	default:
		r.Problem(at, "unknown annotation%s", document.Suggest(name, []string{annotationGroupBy, annotationNoData, annotationMinBadEvents, annotationRunbookURL}))
	}
}

// maxMinBadEvents bounds a guard that would otherwise make alerts impossible.
const maxMinBadEvents = 1_000_000
