package result

import "testing"

func TestRedact(t *testing.T) {
	for name, tt := range map[string][2]string{
		"a password":                     {"http://sre:hunter2@prom:9090/x", "http://xxxxx@prom:9090/x"},
		"a password with an at sign":     {"http://sre:hunt@er2@prom/x", "http://xxxxx@prom/x"},
		"a token in place of the name":   {"https://ghp_abc@git.example/x", "https://xxxxx@git.example/x"},
		"a password in a flag":           {"--prometheus-url=http://a:b@c", "--prometheus-url=http://xxxxx@c"},
		"a password that a flag takes":   {"load --password=hunter2 --rate=3", "load --password=xxxxx --rate=3"},
		"a flag that only sounds so":     {"run --keep-going=true", "run --keep-going=true"},
		"a token in the query":           {"http://c/x?a=1&access_token=abc&b=2", "http://c/x?a=1&access_token=xxxxx&b=2"},
		"a signature in quotes":          {`Get "https://c/x?SIG=a%3D": EOF`, `Get "https://c/x?SIG=xxxxx": EOF`},
		"two URLs in one text":           {"a://b:c@d e://f:g@h", "a://xxxxx@d e://xxxxx@h"},
		"no secret in the path":          {"http://c:8080/team@shop?page=2", "http://c:8080/team@shop?page=2"},
		"no URL at all":                  {"mail sre@example.org, key=value", "mail sre@example.org, key=value"},
		"a selector that looks like one": {`up{job="a"} # ok`, `up{job="a"} # ok`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Redact(tt[0]); got != tt[1] {
				t.Errorf("Redact(%q) = %q, want %q", tt[0], got, tt[1])
			}
		})
	}
}
