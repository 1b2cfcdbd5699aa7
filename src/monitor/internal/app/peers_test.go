package app

import (
	"strings"
	"testing"
)

func TestPeersAreCollectorsOfOtherMonitors(t *testing.T) {
	got, err := parse(t, "--collectors=memory", "--peers=cpu=http://a:80,disk=https://b/below/")
	if err != nil {
		t.Fatal(err)
	}
	list, err := got.peersOf()
	if err != nil || len(list) != 2 || list[0].Collector != "cpu" || list[1].URL.String() != "https://b/below/" {
		t.Errorf("peers %+v, %v", list, err)
	}
	_, err = parse(t, "--collectors=memory", "--peers=http://a,gpu=http://a,memory=http://a,cpu=http://a,cpu=http://b,disk=a:80,network=http://user:secret@a")
	if err == nil {
		t.Fatal("bad peers are taken")
	}
	for _, want := range []string{
		`"http://a": write COLLECTOR=URL`, `unknown collector "gpu"; there are cpu`, `memory is collected here`, `cpu is named twice`,
		`"a:80" is no URL of a monitor`, `a password would be seen`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is in %v", err)
	}
}
