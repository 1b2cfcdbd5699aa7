package load

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// serveEnv makes the test binary a server in a process of its own, so that the
// benchmark measures the client's CPU alone.
const serveEnv = "BALLAST_LOAD_BENCH_SERVE"

func serveBenchmark() {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	go func() { // the parent's pipe closes when it is gone
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		os.Exit(0)
	}()
	_ = http.Serve(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

func startServer(b *testing.B) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(addr) + "/"
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAt1000PerSecond measures the CPU that the client needs for a request
// at 1,000 requests/s: ours, and as its peer the library's plain attack in the
// same run. ns/op is the pace, not the cost: read cpu-µs/request.
func BenchmarkAt1000PerSecond(b *testing.B) {
	const rate = 1000
	url := startServer(b)
	report := func(b *testing.B, cpu time.Duration, failed uint64) {
		b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-µs/request")
		b.ReportMetric(float64(failed), "errors")
	}
	b.Run("ballast", func(b *testing.B) {
		g, err := New(Config{URL: url, Rate: rate, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		before := cpuTime(b)
		ctx, cancel := context.WithTimeout(b.Context(), time.Duration(b.N)*time.Second/rate)
		defer cancel()
		if err := g.Run(ctx); err != nil {
			b.Fatal(err)
		}
		report(b, cpuTime(b)-before, g.Stats().Errors)
	})
	b.Run("vegeta", func(b *testing.B) {
		before := cpuTime(b)
		attacker := vegeta.NewAttacker(vegeta.Timeout(time.Second))
		target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: url})
		var m vegeta.Metrics
		for r := range attacker.Attack(target, vegeta.ConstantPacer{Freq: rate, Per: time.Second}, time.Duration(b.N)*time.Second/rate, "") {
			m.Add(r)
		}
		m.Close()
		report(b, cpuTime(b)-before, uint64(len(m.Errors)))
	})
}
