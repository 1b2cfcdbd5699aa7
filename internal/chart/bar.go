package chart

// Bar is a value beside its limit, laid out in 100 units, for the template "bar".
type Bar struct {
	Label        string  // what it shows, in words
	Value, Limit float64 // 0 to 100
	HasLimit     bool
	Over         bool // the value is beyond the limit
}

// NewBar lays out a value, at least 0, with a limit above which it is bad; nil is without
// one. The scale ends a quarter beyond the limit, or at the value where that is more.
func NewBar(label string, value float64, limit *float64) Bar {
	b := Bar{Label: label}
	top := value
	if limit != nil {
		b.HasLimit, b.Over = true, value > *limit
		top = max(top, *limit*1.25)
	}
	if top > 0 {
		b.Value = 100 * max(0, value) / top
		if limit != nil {
			b.Limit = 100 * *limit / top
		}
	}
	return b
}
