package slo

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ballast-sre/ballast/internal/document"
)

// The kinds of OpenSLO v1 documents that are read.
const (
	kindSLO        = "SLO"
	kindSLI        = "SLI"
	kindService    = "Service"
	kindDataSource = "DataSource"
	kindPolicy     = "AlertPolicy"
	kindCondition  = "AlertCondition"
	kindTarget     = "AlertNotificationTarget"
)

// bundle is the documents of all files, which may name each other.
type bundle struct {
	slos     []document.Document
	slis     map[string]*indicator
	order    []*indicator
	services map[string]document.Document
	sources  map[string]string // the type of each DataSource
	alerts   alertDocuments
	problems []Problem
}

// indicator is an SLI that SLOs can name.
type indicator struct {
	*reader
	spec    *rawSLISpec
	measure measure
}

// add reads the documents of a file, those of SLOs later, when all others are known.
func (b *bundle) add(file string, content []byte) {
	docs, problems := document.Split(file, content)
	b.problems = append(b.problems, problems...)
	for _, doc := range docs {
		r := reader{Checker: document.Checker{Doc: doc}, bundle: b}
		if r.header() {
			switch r.Doc.Value("kind") {
			// What is wrong with these is known when all are read.
			case kindSLI:
				b.indicator(&r)
				continue
			case kindPolicy, kindCondition:
				b.alerts.add(&r)
				continue
			}
		}
		if len(r.Problems) == 0 {
			b.keep(&r)
		}
		b.problems = append(b.problems, r.Problems...)
	}
}

func (b *bundle) keep(r *reader) {
	switch r.Doc.Value("kind") {
	case kindSLO:
		b.slos = append(b.slos, r.Doc)
	case kindService:
		var raw rawDocument[rawServiceSpec]
		r.Decode(&raw)
		if name := r.name(raw.Metadata); name != "" {
			if first, taken := b.services[name]; taken {
				r.twice(kindService, name, first)
				return
			}
			put(&b.services, name, r.Doc)
		}
	case kindDataSource:
		var raw rawDocument[rawDataSourceSpec]
		r.Decode(&raw)
		if raw.Spec == nil {
			r.missing("spec", "give its type")
		} else if name := r.name(raw.Metadata); name != "" && r.text("spec.type", raw.Spec.Type, "write type: Prometheus") {
			put(&b.sources, name, raw.Spec.Type)
		}
	case kindTarget:
		b.alerts.target(r)
	}
}

func (b *bundle) indicator(r *reader) {
	var raw rawDocument[rawSLISpec]
	r.Decode(&raw)
	sli := &indicator{reader: r, spec: raw.Spec}
	b.order = append(b.order, sli)
	name := r.name(raw.Metadata)
	if name == "" {
		return
	}
	if first, taken := b.slis[name]; taken {
		r.twice(kindSLI, name, first.Doc)
		return
	}
	put(&b.slis, name, sli)
}

// named finds a document that this one names. It is false, with the problem noted, where
// the files have none of the name.
func named[V any](r *reader, at, kind, name string, known map[string]V) (V, bool) {
	v, ok := known[name]
	if !ok {
		r.Problem(at, "no %s %q is in the files that are read%s", kind, document.Shorten(name), document.Suggest(name, slices.Sorted(maps.Keys(known))))
	}
	return v, ok
}

func put[V any](m *map[string]V, name string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[name] = v
}

// read turns the SLO documents into SLOs, those without problems.
func (b *bundle) read() []SLO {
	for _, sli := range b.order {
		sli.measure = sli.reader.measure("spec", sli.spec)
		b.problems = append(b.problems, sli.Problems...)
	}
	b.problems = append(b.problems, b.alerts.read()...)
	var slos []SLO
	for _, doc := range b.slos {
		r := reader{Checker: document.Checker{Doc: doc}, bundle: b}
		found := r.slos()
		if len(r.Problems) == 0 {
			slos = append(slos, found...)
		}
		b.problems = append(b.problems, r.Problems...)
	}
	return slos
}

// twice notes that a name is taken.
func (r *reader) twice(kind, name string, first document.Document) {
	r.Problem("metadata.name", "the %s %q is already at %s:%d; rename one", kind, name, first.File, first.Line)
}

// header checks what every document begins with. It is false where nothing more can be
// read: the fields of another kind would each be reported.
func (r *reader) header() bool {
	version, of := r.Doc.Value("apiVersion"), r.Doc.Value("kind")
	if version != "" && version != apiVersion {
		r.Problem("apiVersion", "%q is not supported; write %s", document.Shorten(version), apiVersion)
	}
	switch of {
	case kindSLO, kindSLI, kindService, kindDataSource, kindPolicy, kindCondition, kindTarget, "":
	default:
		r.Problem("kind", "%q is not supported; SLO, SLI, Service, DataSource, AlertPolicy, AlertCondition and AlertNotificationTarget documents are read", document.Shorten(of))
	}
	if len(r.Problems) > 0 {
		return false
	}
	if version == "" || of == "" {
		// Whatever it is, its form can be checked as an SLO's.
		var raw rawDocument[rawSpec]
		r.Decode(&raw)
		r.text("apiVersion", version, "write apiVersion: "+apiVersion)
		r.text("kind", of, "write kind: "+kindSLO)
		return false
	}
	return true
}

// service checks the service of an SLO: any name will do while no Service is described.
func (r *reader) service(name string) {
	const at = "spec.service"
	if !r.text(at, name, "name the service that the SLO is about") || len(r.bundle.services) == 0 {
		return
	}
	if _, known := r.bundle.services[name]; !known {
		r.Problem(at, "no document describes the service %q%s", document.Shorten(name), document.Suggest(name, slices.Sorted(maps.Keys(r.bundle.services))))
	}
}

// sourceType is the type of a metric source, its own or that of the DataSource that it
// names; empty with the problem noted.
func (r *reader) sourceType(at string, source *rawSource) string {
	switch {
	case source.Ref != nil:
		of, known := named(r, at+".metricSourceRef", kindDataSource, *source.Ref, r.bundle.sources)
		if !known {
			return ""
		}
		if source.Type != nil && *source.Type != of {
			r.Problem(at+".type", "%q is not the type of the DataSource %q, which is %q; remove it", document.Shorten(*source.Type), *source.Ref, document.Shorten(of))
		}
		if of != prometheus {
			r.Problem(at+".metricSourceRef", "the DataSource %q is of type %q, which is not supported; it must be %s", *source.Ref, document.Shorten(of), prometheus)
		}
	case r.text(at+".type", deref(source.Type), "write type: Prometheus") && *source.Type != prometheus:
		r.Problem(at+".type", "%q is not supported; write %s", document.Shorten(*source.Type), prometheus)
	}
	return prometheus
}

const prometheus = "Prometheus"

// objectiveName is the name of one of several objectives' SLO: the document's with its
// displayName, or else its number.
func objectiveName(document, display string, i int) string {
	if s := slug(display); s != "" {
		return document + "-" + s
	}
	return fmt.Sprintf("%s-%d", document, i+1)
}
