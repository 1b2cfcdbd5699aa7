package local_test

import (
	"github.com/ballast-sre/ballast/chaos/runner/internal/engine"
	"github.com/ballast-sre/ballast/chaos/runner/internal/local"
)

var _ engine.Target = (*local.Environment)(nil)
