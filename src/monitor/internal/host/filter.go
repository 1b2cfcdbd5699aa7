package host

import "regexp"

// Filter chooses by name. The zero value lets everything through.
type Filter struct {
	// Include is what is let through; nil means everything.
	Include *regexp.Regexp
	// Exclude is what is not, whatever Include says; nil means nothing.
	Exclude *regexp.Regexp
}

func (f Filter) admits(name string) bool {
	return (f.Include == nil || f.Include.MatchString(name)) && (f.Exclude == nil || !f.Exclude.MatchString(name))
}

// Filters narrow what is shown, by the names that are shown. What is left out
// anyway, such as kernel trees and partitions, stays out.
type Filters struct {
	Mounts, Fstypes, Disks, Interfaces Filter
}
