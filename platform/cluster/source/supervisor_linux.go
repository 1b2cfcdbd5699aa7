package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/ballast-sre/ballast/platform/cluster/internal/registry"
)

// NodeMain is the supervisor of a node. It blocks until a terminating signal comes
// and everything has ended. args are those after the subcommand's name: the node's
// directory.
func NodeMain(ctx context.Context, args []string, stderr io.Writer) int {
	logger := slog.New(slog.NewJSONHandler(stderr, nil))
	if err := runNode(ctx, args, logger); err != nil {
		logger.Error("the supervisor ends", "error", err)
		return 70
	}
	return 0
}

func runNode(ctx context.Context, args []string, logger *slog.Logger) error {
	if len(args) != 1 {
		return errors.New("this is the supervisor of a node; `cluster up` starts it")
	}
	s, err := readSettings(args[0])
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	// What is inherited is this process's alone: programs of the node must not hold it.
	for fd := range inherited {
		syscall.CloseOnExec(lockFD + fd)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	p := paths{dir: s.Dir, hostNetwork: os.NewFile(hostNetFD, "host network"), program: func(component, program string) (string, error) {
		path := s.Programs[component+"/"+program]
		if path == "" {
			return "", fmt.Errorf("the settings name no program %s of %s", program, component)
		}
		return path, nil
	}}
	all, err := p.programs(s)
	if err != nil {
		return err
	}
	var doors sync.WaitGroup
	for _, d := range []struct {
		fd   int
		port int
	}{{apiFD, s.APIPort}, {gitFD, gitPort}} {
		l, err := net.FileListener(os.NewFile(uintptr(d.fd), ""))
		if err != nil {
			return fmt.Errorf("port %d: %w", d.port, err)
		}
		to := net.JoinHostPort(s.NodeAddress, strconv.Itoa(d.port))
		doors.Go(func() { forward(ctx, l, to, logger) })
	}
	serveRegistry, err := registryDoor(ctx, s, logger)
	if err != nil {
		return err
	}
	doors.Go(serveRegistry)

	err = (&supervisor{logs: filepath.Join(s.Dir, "log"), logger: logger, states: filepath.Join(s.Dir, programStates)}).run(ctx, all)
	stop()
	doors.Wait()
	return err
}

// registryDoor listens where the node and its pods ask for images. Who can push one
// can run anything on the node: that takes a credential, which no pod has, also one
// that shares the node's network.
func registryDoor(ctx context.Context, s settings, logger *slog.Logger) (serve func(), err error) {
	passwords, err := registry.Passwords(s.Dir)
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(s.NodeAddress, strconv.Itoa(s.RegistryPort)))
	if err != nil {
		return nil, fmt.Errorf("door of the registry: %w", err)
	}
	return func() {
		transport := registry.Through(s.Dir)
		defer transport.CloseIdleConnections()
		if err := registry.Serve(ctx, l, registry.Door(transport, passwords, logger), logger); err != nil {
			logger.Error("the door of the registry is shut", "error", err)
		}
	}, nil
}

// forward passes connections on until ctx ends. A socket belongs to the network
// namespace that it was opened in: accepting one of the host's here is a door
// between the two, and needs no interface.
func forward(ctx context.Context, l net.Listener, to string, logger *slog.Logger) {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var links sync.WaitGroup
	defer links.Wait()
	for {
		from, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil {
				logger.Error("a door is shut", "to", to, "error", err)
			}
			return
		}
		links.Go(func() {
			defer from.Close() //nolint:errcheck // both ends are done
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
			if err != nil {
				return // the caller sees the end of its connection
			}
			defer conn.Close() //nolint:errcheck // both ends are done
			stop := context.AfterFunc(ctx, func() { _ = from.Close(); _ = conn.Close() })
			defer stop()
			var both sync.WaitGroup
			both.Go(func() { copyHalf(conn, from) })
			both.Go(func() { copyHalf(from, conn) })
			both.Wait()
		})
	}
}

// copyHalf copies one direction and passes its end on.
func copyHalf(to, from net.Conn) {
	_, _ = io.Copy(to, from) // the end, or an error that ends it
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // it may be closed altogether
	}
}
