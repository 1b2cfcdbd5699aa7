package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// client keeps one connection, as Prometheus does, and takes answers as they come.
func client(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableCompression: true, MaxIdleConns: connections, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
	}, Timeout: 30 * time.Second}
}

// get asks once and reads the whole answer.
func get(ctx context.Context, c *http.Client, url string, gzip bool) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if gzip {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return n, err
}

// paced asks n times, at every interval, whatever the answers take, and returns how
// long each took from when it was due.
func paced(ctx context.Context, url string, gzip bool, every time.Duration, n int) ([]time.Duration, error) {
	c := client(1)
	defer c.CloseIdleConnections()
	if _, err := get(ctx, c, url, gzip); err != nil { // the connection is there
		return nil, err
	}
	took := make([]time.Duration, 0, n)
	for due := time.Now().Add(every); len(took) < n; due = due.Add(every) {
		if err := wait(ctx, time.Until(due)); err != nil {
			return nil, err
		}
		began := time.Now()
		if _, err := get(ctx, c, url, gzip); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// saturate asks over some connections, each as soon as it has its answer, and returns
// how many answers came.
func saturate(ctx context.Context, url string, connections int, last time.Duration) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var answers atomic.Int64
	var failed sync.Map
	var asking sync.WaitGroup
	end := time.Now().Add(last)
	c := client(connections)
	defer c.CloseIdleConnections()
	for i := range connections {
		asking.Go(func() {
			for time.Now().Before(end) {
				if _, err := get(ctx, c, url, false); err != nil {
					failed.Store(i, err)
					return
				}
				answers.Add(1)
			}
		})
	}
	asking.Wait()
	var errs []error
	failed.Range(func(_, err any) bool {
		if e, ok := err.(error); ok {
			errs = append(errs, e)
		}
		return true
	})
	return answers.Load(), errors.Join(errs...)
}

// listen holds n streams of events open until stop is called, and returns when each
// has its first event.
func listen(ctx context.Context, address, path string, n int) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	stop = func() {
		cancel()
		reading.Wait()
	}
	first := make(chan error, n)
	for range n {
		reading.Go(func() {
			if err := stream(ctx, address, path, func() { first <- nil }); err != nil {
				first <- err
			}
		})
	}
	for range n {
		if err = <-first; err != nil {
			stop()
			return nil, err
		}
	}
	return stop, nil
}

// stream reads until ctx ends, and calls begun at the first event; it fails only before.
// It reads bytes and no more: what reading costs is the client's, on the same processors.
func stream(ctx context.Context, address, path string, begun func()) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it was only read
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	if _, err := conn.Read(buffer); err != nil {
		return err
	}
	begun()
	for {
		if _, err := conn.Read(buffer); err != nil {
			return nil // the end was asked for, or the figures will show it
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
