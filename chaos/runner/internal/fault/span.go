package fault

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ballast-sre/ballast/internal/document"
)

// MaxDuration bounds a fault's duration: what is longer is a slip of the unit.
const MaxDuration = 24 * time.Hour

// ParseDuration reads a positive Go duration of at most MaxDuration. Its error
// says what to write instead.
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case text == "":
		return 0, fmt.Errorf("an empty duration never ends; write one like \"30s\", or delete the field")
	case err != nil || text == "0":
		if message, ok := unitless(text, "s"); ok && text != "0" {
			return 0, fmt.Errorf("%s", message)
		}
		return 0, fmt.Errorf("%q is not a positive duration; write one like \"30s\" or \"1m30s\"", text)
	case d <= 0:
		return 0, fmt.Errorf("%q is not positive; write one like \"30s\"", text)
	case d > MaxDuration:
		return 0, fmt.Errorf("%q is longer than %s; write a shorter one", text, MaxDuration)
	}
	return d, nil
}

// unitless says what to write for a number without a unit, one text for each of
// the units in which people mean it; false when the text is not a number or would be
// too long in every unit.
func unitless(text string, units ...string) (string, bool) {
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return "", false
	}
	var offers []string
	for _, u := range units {
		if d, err := time.ParseDuration(text + u); err == nil && d.Abs() <= MaxDuration {
			offers = append(offers, strconv.Quote(text+u))
		}
	}
	if len(offers) == 0 {
		return "", false
	}
	return fmt.Sprintf("%q has no unit; write %s", text, strings.Join(offers, " or ")), true
}

// unitsOf are the units in which people mean a number in this field, the
// likeliest first; none when the field is not a span of time.
func unitsOf(field string) []string {
	switch field {
	case "latency", "jitter", "delay":
		return []string{"ms", "s"} // of one request
	case "duration", "timeOffset":
		return []string{"s"}
	}
	return nil
}

// mendNumbers says, of a number where a duration or a bandwidth is wanted, what to
// write: to quote it, the general advice, would only lead to the next problem.
func mendNumbers(doc document.Document, problems []Problem) {
	for i, p := range problems {
		path := strings.Split(p.Field, ".")
		n := document.Find(doc.Root, path...)
		if n == nil || n.Tag != "!!int" && n.Tag != "!!float" {
			continue
		}
		name := path[len(path)-1]
		if message, ok := unitless(n.Value, unitsOf(name)...); ok {
			problems[i].Message = message
		} else if name == "rate" {
			problems[i].Message = (&RateError{Text: n.Value}).Error()
		}
	}
}

// tcForm is the form of a span of time that the CRD's schema asks for: one number
// with one unit.
var tcForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h)$`)

// tcDuration checks latency or jitter. Zero means none, which may be allowed.
func (c *checker) tcDuration(path, text string, positive bool) {
	d, err := time.ParseDuration(text)
	if message, ok := unitless(text, "ms", "s"); ok {
		c.Problem(path, "%s", message)
		return
	}
	switch {
	case err != nil || d < 0:
		c.Problem(path, "%q is not a duration; write one like \"20ms\"", text)
	case d > MaxDuration:
		c.Problem(path, "%q is longer than %s; write a shorter one", text, MaxDuration)
	case positive && d == 0:
		c.Problem(path, "%q does nothing; write one like \"20ms\"", text)
	case !tcForm.MatchString(text):
		c.Problem(path, "Chaos Mesh takes one number with one unit here; write %q", oneUnit(d))
	}
}

// oneUnit writes a duration as one number with one unit.
func oneUnit(d time.Duration) string {
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "us"}} {
		if d%u.of == 0 {
			return fmt.Sprintf("%d%s", d/u.of, u.name)
		}
	}
	return fmt.Sprintf("%dns", d.Nanoseconds())
}
