// Package e2e tests the whole platform on a real cluster: `make e2e` brings one up
// and runs its tests, which are built with the tag e2e.
package e2e
