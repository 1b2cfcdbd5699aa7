// Command registry is the CNCF Distribution registry with its file system driver
// and no other: those for cloud storage would take longer to compile than the rest.
package main

import (
	"fmt"
	"os"

	"github.com/distribution/distribution/v3/registry"

	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
