// Package source is a Kubernetes node without Docker: every program of it is built
// from a Go module that go.sum pins, its userlands are Debian packages, and all of
// it runs in namespaces of its own.
//
//	up ──► build components ──► build images ──► start
//	                                              │
//	        init, process 1 of a new PID namespace, reaps orphans
//	                                              │
//	        supervisor: etcd, API server, …, containerd, kubelet, registry
//
// Nothing of a node outlives its process 1: its processes, mounts, network and
// firewall rules belong to namespaces that end with it. What is left then are a
// directory and cgroups, both named after the node, which Down removes.
package source
