package capability_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ballast-sre/ballast/internal/capability"
)

func encode(tb testing.TB, d capability.Document) string {
	tb.Helper()
	var out bytes.Buffer
	if err := capability.Encode(&out, d); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

func TestADocumentIsWrittenAsTheGoldenFileHasIt(t *testing.T) {
	got := encode(t, bare())
	compare(t, "document.golden.json", got)
	d, err := capability.Decode(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bare(), d); diff != "" {
		t.Errorf("what was written reads otherwise (-written +read):\n%s", diff)
	}
}

func TestTheOrderOfFactsDoesNotChangeTheBytes(t *testing.T) {
	d := bare()
	d.Facts = slices.Clone(d.Facts)
	slices.Reverse(d.Facts)
	first := d.Facts[0]
	if diff := cmp.Diff(encode(t, bare()), encode(t, d)); diff != "" {
		t.Error(diff)
	}
	if d.Facts[0] != first {
		t.Error("writing a document changed it")
	}
}

func TestAnEmptyDocumentIsValid(t *testing.T) {
	got := encode(t, capability.Document{})
	want := "{\n  \"apiVersion\": \"ballast.dev/v1alpha1\",\n  \"kind\": \"Capabilities\",\n  \"facts\": []\n}\n"
	if got != want {
		t.Errorf("it is %s", got)
	}
	if _, err := capability.Decode(strings.NewReader(got)); err != nil {
		t.Error(err)
	}
}

func TestADocumentIsRefused(t *testing.T) {
	doc := func(rest string) string {
		return `{"apiVersion":"ballast.dev/v1alpha1","kind":"Capabilities",` + rest + `}`
	}
	for name, tc := range map[string]struct {
		text string
		want error
		says []string
	}{
		"that is empty":                           {"", capability.ErrMalformed, nil},
		"that is not an object":                   {"[]", capability.ErrMalformed, nil},
		"that is null":                            {"null", capability.ErrVersion, nil},
		"that is cut off":                         {doc(`"facts":[]`)[:40], capability.ErrMalformed, nil},
		"without a version":                       {`{"kind":"Capabilities","facts":[]}`, capability.ErrVersion, []string{"apiVersion"}},
		"of another version":                      {`{"apiVersion":"ballast.dev/v2","kind":"Capabilities","new":1}`, capability.ErrVersion, []string{"apiVersion", "ballast.dev/v2"}},
		"of another kind":                         {`{"apiVersion":"ballast.dev/v1alpha1","kind":"Experiment","facts":[]}`, capability.ErrVersion, []string{"kind", "Experiment"}},
		"whose version is a number":               {`{"apiVersion":1,"kind":"Capabilities","facts":[]}`, capability.ErrMalformed, []string{"APIVersion"}},
		"that something follows":                  {doc(`"facts":[]`) + ` {}`, capability.ErrMalformed, []string{"follows"}},
		"that rubbish follows":                    {doc(`"facts":[]`) + ` x`, capability.ErrMalformed, []string{"follows"}},
		"that is longer than any can be":          {doc(`"facts":[]`) + strings.Repeat(" ", 1<<20), capability.ErrMalformed, []string{"larger than 1 MiB"}},
		"with an unknown field":                   {doc(`"facts":[],"node":"a"`), capability.ErrMalformed, []string{"node: the field is unknown"}},
		"with a field in other letters":           {doc(`"Facts":[]`), capability.ErrMalformed, []string{"Facts: the field is unknown", "facts: it is missing"}},
		"with a field twice":                      {doc(`"facts":[],"facts":[]`), capability.ErrMalformed, []string{"facts: the field is given twice"}},
		"without facts":                           {doc(`"kernel":"6.1"`), capability.ErrMalformed, []string{"facts: it is missing"}},
		"whose facts are null":                    {doc(`"facts":null`), capability.ErrMalformed, []string{"facts: it is null, not a list"}},
		"whose kernel is a number":                {doc(`"facts":[],"kernel":6.1`), capability.ErrMalformed, []string{"kernel: it is 6.1, not a text"}},
		"with unknown control groups":             {doc(`"facts":[],"cgroup":"v3"`), capability.ErrMalformed, []string{`cgroup: it is "v3"`}},
		"with a fact that is not an object":       {doc(`"facts":["netem"]`), capability.ErrMalformed, []string{"facts[0]: it is not an object"}},
		"with a fact that has no name":            {doc(`"facts":[{"present":true}]`), capability.ErrMalformed, []string{"facts[0].name: it is missing"}},
		"with a fact that says neither":           {doc(`"facts":[{"name":"netem"}]`), capability.ErrMalformed, []string{"facts[0].present: it is missing"}},
		"with a fact that says perhaps":           {doc(`"facts":[{"name":"netem","present":null}]`), capability.ErrMalformed, []string{"facts[0].present: it is null"}},
		"with an unknown field in a fact":         {doc(`"facts":[{"name":"netem","present":true,"detial":"x"}]`), capability.ErrMalformed, []string{"facts[0].detial: the field is unknown"}},
		"with an unknown fact":                    {doc(`"facts":[{"name":"netm","present":true}]`), capability.ErrMalformed, []string{`facts[0].name: there is no fact "netm"`}},
		"with a fact twice":                       {doc(`"facts":[{"name":"tbf","present":true},{"name":"tbf","present":true}]`), capability.ErrMalformed, []string{`facts[1].name: the fact "tbf" is given twice`}},
		"with a fact that is absent for no cause": {doc(`"facts":[{"name":"tbf","present":false}]`), capability.ErrMalformed, []string{"facts[0].detail: it is missing"}},
		"with every problem at once": {
			doc(`"facts":[{"name":7,"present":"yes"},{}],"kernel":null`), capability.ErrMalformed,
			[]string{"facts[0].name", "facts[0].present", "facts[1].name", "facts[1].present", "kernel"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := capability.Decode(strings.NewReader(tc.text))
			if !errors.Is(err, tc.want) {
				t.Fatalf("the error is %v", err)
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("the error does not say %q: %v", s, err)
				}
			}
			if diff := cmp.Diff(capability.Document{}, d); diff != "" {
				t.Errorf("a refused document came through:\n%s", diff)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, errors.New("no such luck") }
func (broken) Write([]byte) (int, error) { return 0, errors.New("no such luck") }

func TestReadersAndWritersThatFailAreReported(t *testing.T) {
	if _, err := capability.Decode(broken{}); err == nil || errors.Is(err, capability.ErrMalformed) {
		t.Errorf("reading: %v", err)
	}
	if err := capability.Encode(broken{}, bare()); err == nil || errors.Is(err, capability.ErrMalformed) {
		t.Errorf("writing: %v", err)
	}
}

func TestWhatCouldNotBeReadIsNotWritten(t *testing.T) {
	for name, d := range map[string]capability.Document{
		"an unknown fact":              {Facts: []capability.Fact{{Name: "netm", Present: true}}},
		"a fact twice":                 {Facts: []capability.Fact{{Name: capability.TBF, Present: true}, {Name: capability.TBF, Present: true}}},
		"a fact absent for no cause":   {Facts: []capability.Fact{{Name: capability.TBF}}},
		"control groups of a new kind": {Cgroup: "v3"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := capability.Encode(&out, d); !errors.Is(err, capability.ErrMalformed) {
				t.Errorf("the error is %v", err)
			}
			if out.Len() > 0 {
				t.Errorf("it wrote %s", out.String())
			}
		})
	}
}

func TestAddingAFactReplacesItAndLeavesTheDocumentAlone(t *testing.T) {
	d := capability.Document{Facts: []capability.Fact{{Name: capability.TBF, Detail: "no"}}}
	got := d.With(capability.Fact{Name: capability.DNSServer, Present: true}, capability.Fact{Name: capability.TBF, Present: true})
	want := []capability.Fact{{Name: capability.DNSServer, Present: true}, {Name: capability.TBF, Present: true}}
	if diff := cmp.Diff(want, got.Facts); diff != "" {
		t.Error(diff)
	}
	if f, ok := d.Fact(capability.TBF); !ok || f.Present || len(d.Facts) != 1 {
		t.Errorf("the document is now %+v", d)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(encode(f, bare())))
	f.Add([]byte(encode(f, capability.Document{})))
	f.Add([]byte(`{"apiVersion":"ballast.dev/v1alpha1","kind":"Capabilities","facts":[{"name":"netem","present":false,"detail":"\ud800"}]}`))
	f.Add([]byte(`{"apiVersion":"ballast.dev/v1alpha1","kind":"Capabilities","facts":[],"facts":null} {}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := capability.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		text := encode(t, d)
		again, err := capability.Decode(strings.NewReader(text))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, text)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Errorf("it reads otherwise:\n%s", diff)
		}
		if encode(t, again) != text {
			t.Error("the bytes are not stable")
		}
	})
}
