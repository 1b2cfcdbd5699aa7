package report

import "testing"

func TestCommandsCanBePastedIntoAShell(t *testing.T) {
	if got, want := commandLine(fixtures()["all"]), `cd /home/sre/ballast && ballast run --target local --out 'out/it'\''s here' chaos/experiments`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
