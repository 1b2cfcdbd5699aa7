package result

import "regexp"

// redaction stands where a secret stood, as in Go's own errors of URLs.
const redaction = "xxxxx"

var (
	// userinfo is a name or token and a password before the host of a URL.
	userinfo = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*://)[^\s/?#]+@`)
	// parameter is one of a query, or a flag, whose name says that its value is secret.
	parameter = regexp.MustCompile(`(?i)((?:[?&;]|(?:^|\s)--?)[^\s=&#]*(?:token|passw|pwd|secret|key|sig|auth|credential)[^\s=&#]*=)[^\s&#"']+`)
)

// Redact takes the secrets out of the URLs and command lines of a text that others will
// read: a log, a message, the evidence.
func Redact(text string) string {
	return parameter.ReplaceAllString(userinfo.ReplaceAllString(text, "${1}"+redaction+"@"), "${1}"+redaction)
}
