package result

import "time"

// The targets, as Kind has them.
const (
	TargetLocal   = "local"
	TargetCluster = "cluster"
)

// TargetInfo says where the runs took place and how time was scaled there.
type TargetInfo struct {
	Kind               string   `json:"kind"` // local, cluster
	ScrapeInterval     Seconds  `json:"scrapeInterval"`
	EvaluationInterval Seconds  `json:"evaluationInterval"`
	AlertScale         float64  `json:"alertScale"`      // alert windows were divided by this; 1 is unscaled
	Notes              []string `json:"notes,omitempty"` // backfill, emulation: what a reader must know
	// Prometheus is the URL of the one that was asked, without credentials, and by which
	// budgets are distinguished; absent on target local, where each run has its own.
	Prometheus string `json:"prometheus,omitempty"`
	// Monitor is the digest of the monitor's executable on target local, sha256 and 64
	// hexadecimal digits; absent where it could not be read, and in reports of earlier
	// versions.
	Monitor string `json:"monitor,omitempty"`
	// Cluster is absent on target local, and where no cluster was reached.
	Cluster *ClusterInfo `json:"cluster,omitempty"`
}

// ClusterInfo is which cluster the runs took place on. What could not be read is absent,
// and Unread says why.
type ClusterInfo struct {
	Context    string `json:"context"`              // of the kubeconfig, or in-cluster
	Server     string `json:"server"`               // URL of the API server
	Namespace  string `json:"namespace"`            // of the workload, where a fault names none
	Identity   string `json:"identity,omitempty"`   // the user or service account
	Kubernetes string `json:"kubernetes,omitempty"` // version of the API server
	ChaosMesh  string `json:"chaosMesh,omitempty"`  // version
	Prometheus string `json:"prometheus,omitempty"` // version
	// Nodes are counted by kernel, container runtime and architecture.
	Nodes []NodeGroup `json:"nodes,omitempty"`
	// Images are those that ran in the namespace of the workload, by the name of the
	// container: each a digest, sha256 and 64 hexadecimal digits, and several where they
	// differ. Absent in reports of earlier versions.
	Images map[string][]string `json:"images,omitempty"`
	// Capabilities is when the cluster published which faults it can do.
	Capabilities *time.Time `json:"capabilities,omitempty"`
	// Unread has, by the name of a field here, why it is absent.
	Unread map[string]string `json:"unread,omitempty"`
}

// NodeGroup is nodes of one sort.
type NodeGroup struct {
	Count        int    `json:"count"`
	Kernel       string `json:"kernel"`
	Runtime      string `json:"runtime"`
	Architecture string `json:"architecture"`
}
