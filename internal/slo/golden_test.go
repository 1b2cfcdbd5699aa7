package slo

import (
	"flag"
	"testing"

	"github.com/ballast-sre/ballast/tests/golden"
)

var update = flag.Bool("update", false, "write the golden files anew")

func compare(t *testing.T, file, got string) {
	t.Helper()
	golden.Compare(t, file, got, *update)
}
