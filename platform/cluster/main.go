// Command cluster brings up a Kubernetes cluster with the whole platform on it, on
// this machine, and takes it away again.
package main

import (
	"os"

	"github.com/ballast-sre/ballast/platform/cluster/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
