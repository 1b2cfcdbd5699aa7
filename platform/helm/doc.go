// Package helm holds the charts that install the platform. It has no code of its
// own: its tests render every chart with the engine that Argo CD uses, and hold
// what comes out to what a cluster accepts and a security review asks for.
package helm
