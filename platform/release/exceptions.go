package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/internal/document"
)

// exception lets an image be published with a vulnerability until a day.
type exception struct {
	ID     string `json:"id"`    // of the vulnerability, as in the database
	Image  string `json:"image"` // name of the image
	Reason string `json:"reason"`
	Until  string `json:"until"` // the last day, as 2006-01-02 in UTC
}

// ended is true after the last day.
func (e exception) ended(now time.Time) bool {
	return now.UTC().Format(time.DateOnly) > e.Until
}

type rawExceptions struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Exceptions []exception `json:"exceptions"`
	} `json:"spec"`
}

// readExceptions reads a file of exceptions. The error wraps errInvalid.
func readExceptions(file string) ([]exception, error) {
	data, problem := document.Read(file)
	if problem != nil {
		return nil, fmt.Errorf("%w: %w", errInvalid, document.Err([]document.Problem{*problem}))
	}
	return parseExceptions(file, data)
}

func parseExceptions(file string, data []byte) ([]exception, error) {
	docs, problems := document.Split(file, data)
	if len(problems) == 0 && len(docs) != 1 {
		problems = append(problems, document.Problem{File: file, Message: fmt.Sprintf("it holds %d documents; write one of kind ScanExceptions", len(docs))})
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %w", errInvalid, document.Err(problems))
	}
	c := document.Checker{Doc: docs[0]}
	var raw rawExceptions
	if got := docs[0].Value("apiVersion") + " " + docs[0].Value("kind"); got != "ballast.dev/v1alpha1 ScanExceptions" {
		c.Problem("kind", "this is a %q; want ballast.dev/v1alpha1 ScanExceptions", got)
		return nil, fmt.Errorf("%w: %w", errInvalid, document.Err(c.Problems))
	}
	c.Decode(&raw)
	all := raw.Spec.Exceptions
	for i, e := range all {
		at := fmt.Sprintf("spec.exceptions[%d]", i)
		for field, value := range map[string]string{"id": e.ID, "image": e.Image, "reason": e.Reason} {
			if strings.TrimSpace(value) == "" && !c.Bad(at+"."+field) {
				c.Problem(at+"."+field, "missing; an exception names the vulnerability, the image and why it may be published")
			}
		}
		if _, err := time.Parse(time.DateOnly, e.Until); err != nil && !c.Bad(at+".until") {
			c.Problem(at+".until", "%q is not a day; write one like \"2006-01-02\": every exception ends", e.Until)
		}
	}
	if err := document.Err(c.Problems); err != nil {
		return nil, fmt.Errorf("%w: %w", errInvalid, err)
	}
	return all, nil
}
