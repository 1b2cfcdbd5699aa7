// Command monitor serves the machine's CPU, memory, disk and network use as
// JSON and as Prometheus metrics.
package main

import (
	"os"

	"github.com/ballast-sre/ballast/src/monitor/internal/app"
)

func main() { os.Exit(app.Main(os.Args[1:], os.Stdout, os.Stderr)) }
