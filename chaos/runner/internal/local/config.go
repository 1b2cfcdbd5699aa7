package local

import (
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/ballast-sre/ballast/chaos/runner/internal/load"
)

// Config says what to start. Monitor, Self and Logger are required.
type Config struct {
	Monitor string // path of the monitor's binary
	Self    string // path of ballast, run again as keeper and stressor

	RuleFiles []string // Prometheus rule files or directories, unscaled
	Scale     float64  // alert windows are divided by this; 0 means 75

	Replicas  int            // pods; 0 means 3
	Rate      float64        // requests per second; 0 means 100
	MaxRate   float64        // that SetRate may ask for; 0 means Rate
	Recorder  *load.Recorder // gets what the load's client sees; nil for none
	Namespace string         // of the pods; empty means "default"
	TempRoot  string         // directory of the runs; empty means ballast-<uid> under os.TempDir

	Scrape, Evaluation time.Duration // intervals; 0 means 1 s

	// Yield lets pods give way to load and gateway where all want a processor: they are then
	// what a load test finds the limit of. Faults are done to pods that do not.
	Yield bool

	Incidents []Incident // in the history before the run

	Logger *slog.Logger
}

func (c *Config) defaults() error {
	var errs []error
	if c.Scale == 0 {
		c.Scale = 75
	}
	if c.Replicas == 0 {
		c.Replicas = 3
	}
	if c.Rate == 0 {
		c.Rate = 100
	}
	c.MaxRate = max(c.MaxRate, c.Rate)
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	if c.Scrape == 0 {
		c.Scrape = time.Second
	}
	if c.Evaluation == 0 {
		c.Evaluation = time.Second
	}
	if c.Replicas < 1 || c.Replicas > 100 {
		errs = append(errs, fmt.Errorf("replicas %d: want 1 to 100", c.Replicas))
	}
	if c.Logger == nil {
		errs = append(errs, errors.New("target local: a logger is missing"))
	}
	var err error
	if c.Monitor, err = program("the monitor", c.Monitor); err != nil {
		errs = append(errs, fmt.Errorf("%w: build it with make build", err))
	}
	if c.Self, err = program("ballast itself", c.Self); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// program returns the absolute path of a program that can be run.
func program(what, path string) (string, error) {
	found, err := exec.LookPath(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be run: %w", what, err)
	}
	if found, err = filepath.Abs(found); err != nil {
		return "", fmt.Errorf("%s cannot be run: %w", what, err)
	}
	return found, nil
}
