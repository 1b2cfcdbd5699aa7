package app

import "testing"

func TestSizesAreBytesWithAUnit(t *testing.T) {
	for text, want := range map[string]struct {
		bytes size
		shown string
	}{
		"0": {0, "0"}, "8MiB": {8 << 20, "8MiB"}, "8388608": {8 << 20, "8MiB"}, "1.5MiB": {3 << 19, "1536KiB"}, "1GiB": {1 << 30, "1GiB"}, "1000": {1000, "1000"},
	} {
		var s size
		if err := s.Set(text); err != nil || s != want.bytes || s.String() != want.shown {
			t.Errorf("%s: %d, %s, %v", text, int(s), s.String(), err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "8MB", "8 MiB", "NaN", "1e40", "InfGiB"} {
		var s size
		if err := s.Set(text); err == nil {
			t.Errorf("%q is %d", text, int(s))
		}
	}
}
