// Package kind is a Kubernetes cluster of three nodes that the library kind makes
// with Docker. Nothing of it needs root but what Docker does.
//
//	up ──► containers of kind: a control plane and two workers
//	  └──► one process on the host: registry and repositories
//
// The nodes reach that process at the gateway of Docker's network, and ask it first
// for every image of docker.io: those that a push made are there. It listens there
// and on loopback, nowhere else, and all that it starts can be told from other
// processes by a variable in its environment: a cluster whose command or process was
// killed is taken away as well.
package kind
