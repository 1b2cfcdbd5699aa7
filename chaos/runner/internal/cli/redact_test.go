package cli

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestNeitherLogsNorMessagesHaveSecrets(t *testing.T) {
	const secret = "http://sre:hunter2@127.0.0.1:1/\x7f"
	var log strings.Builder
	s := streams{err: &log}
	s.logger(slog.LevelInfo).With("with", secret).Info(secret, "url", secret, "error", errors.New(secret))
	fail(&log, errors.New(secret))
	for _, args := range [][]string{
		{"load", secret},
		{"load", "--duration", "300ms", "--rate", "20", "http://sre:hunter2@127.0.0.1:1/"},
		{"run", "--prometheus-url", secret, "http://sre:hunter2@host"},
	} {
		var out strings.Builder
		Main(args, strings.NewReader(""), &out, &log)
		log.WriteString(out.String())
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the password is in it:\n%s", log.String())
	}
}
