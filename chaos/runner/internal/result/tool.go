package result

// Tool says which program ran, on what.
type Tool struct {
	Version  string            `json:"version"`
	Revision string            `json:"revision,omitempty"` // of the source; "+dirty" when it was changed
	Go       string            `json:"go"`
	OS       string            `json:"os"`
	Arch     string            `json:"arch"`
	CPUs     int               `json:"cpus"`
	Modules  map[string]string `json:"modules,omitempty"` // versions of the libraries that make the measurement
	// Digest of the executable: "sha256:" and 64 hexadecimal digits; absent where it could
	// not be read, and in reports of earlier versions.
	Digest string `json:"digest,omitempty"`
}
