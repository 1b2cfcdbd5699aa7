package fault

import "testing"

func TestAMemorySizeIsReadAsTheInjectorReadsIt(t *testing.T) {
	for text, want := range map[string]uint64{
		"16MiB": 16 << 20, "16MB": 16e6, "16mb": 16e6, "16Mib": 16 << 20, "16M": 16e6,
		"64KiB": 64 << 10, "64kB": 64e3, "1GiB": 1 << 30, "1GB": 1e9, "0.5GiB": 1 << 29,
		"4096": 4096, "4096B": 4096, "4096b": 4096,
		"50%": 500, "100%": 1000, "1%": 10,
	} {
		size, err := ParseMemorySize(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := size.Of(1000); got != want {
			t.Errorf("%q is %d bytes, want %d", text, got, want)
		}
	}
	for _, text := range []string{"", "0", "0%", "0MB", "101%", "-5%", "12.5%", "%", "16 MiB", " 16MiB", "16MiB ", "much", "1e9", "-1MB", "16Mi", "1,000MB", "16XB"} {
		if size, err := ParseMemorySize(text); err == nil {
			t.Errorf("%q was read as %+v", text, size)
		}
	}
}

func FuzzParseMemorySize(f *testing.F) {
	for _, text := range []string{"16MiB", "50%", "16 MB", "1e9", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := ParseMemorySize(text)
		if err == nil && size.Of(1<<30) == 0 {
			t.Errorf("%q takes nothing and was accepted", text)
		}
	})
}
