// Package local is the target that needs Go only: real monitor processes on
// loopback, hit by real faults.
//
//	load ──► gateway ──► proxy of a pod ──► monitor process
//	             ▲             ▲
//	      readiness checks   scrapes of the embedded Prometheus
//
// A pod is one monitor process behind one proxy. The proxy's address is the
// pod's IP: it stays while containers come and go, and network faults act on it,
// on traffic, health checks and scrapes alike.
//
// All processes are children of a keeper, a second ballast process in a session
// of its own. It ends them and removes the run's directory as soon as the runner
// is gone, however the runner went.
package local
