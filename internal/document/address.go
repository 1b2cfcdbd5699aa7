package document

import "net/url"

// WebAddress says whether a text is a whole URL of the web, with its scheme, http or
// https, and a host.
func WebAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
