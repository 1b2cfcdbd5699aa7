// Command ballast puts a platform under faults and judges by SLOs whether it held.
package main

import (
	"os"

	"github.com/ballast-sre/ballast/chaos/runner/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
