package slo

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func predictions(t *testing.T) []Prediction {
	t.Helper()
	set, err := NewSet(SLO{Name: "shop", Objective: 0.999, Window: month})
	if err != nil {
		t.Fatal(err)
	}
	var models []AlertModel
	for _, w := range BurnWindows(month, 0.999) {
		models = append(models, AlertModel{Name: "ShopBudgetBurn", Severity: w.Severity, SLO: "shop", Objective: 0.999, Burn: &w})
	}
	models = append(models,
		AlertModel{Name: "ShopDown", Severity: Page},
		AlertModel{Name: "StrangersBurn", SLO: "stranger", Burn: models[0].Burn},
	)
	return set.Predictions(models, []float64{1, 0.02, 0.002}, Timing{Scale: 1, Scrape: 15 * time.Second, Evaluation: 30 * time.Second})
}

func TestGoldenPredictionsForAPerson(t *testing.T) {
	var b strings.Builder
	if err := WriteText(&b, predictions(t)); err != nil {
		t.Fatal(err)
	}
	compare(t, filepath.Join("testdata", "predictions.txt"), b.String())
}

func TestGoldenPredictionsForAProgram(t *testing.T) {
	var b strings.Builder
	if err := WriteJSON(&b, predictions(t)); err != nil {
		t.Fatal(err)
	}
	compare(t, filepath.Join("testdata", "predictions.json"), b.String())
	b.Reset()
	if err := WriteJSON(&b, nil); err != nil || b.String() != "[]\n" {
		t.Errorf("no predictions are %q, %v; want an empty array", b.String(), err)
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestPredictionsThatCannotBeWritten(t *testing.T) {
	if err := WriteText(fullDisk{}, predictions(t)); !errors.Is(err, errFull) {
		t.Errorf("text: got %v", err)
	}
	if err := WriteJSON(fullDisk{}, predictions(t)); !errors.Is(err, errFull) {
		t.Errorf("JSON: got %v", err)
	}
}
