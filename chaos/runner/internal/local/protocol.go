package local

import "syscall"

// The keeper's protocol is JSON lines: requests on its stdin, events on its
// stdout. Closing its stdin ends it and everything that it keeps. Processes are
// named by the number that the runner gave at spawn, never by pid: only the
// parent knows that a pid has not been reused.

type op string

const (
	opSpawn  op = "spawn"
	opSignal op = "signal"
)

// request is one line to the keeper.
type request struct {
	Op op     `json:"op"`
	ID uint64 `json:"id"`

	// Of a spawn.
	Args []string `json:"args,omitempty"` // Args[0] is the program's path
	Dir  string   `json:"dir,omitempty"`
	Log  string   `json:"log,omitempty"` // stdout and stderr are appended here

	// Of a signal.
	Signal syscall.Signal `json:"signal,omitempty"`
}

type eventType string

const (
	eventStarted eventType = "started"
	eventFailed  eventType = "failed" // the spawn did not happen
	eventExited  eventType = "exited"
)

// event is one line from the keeper.
type event struct {
	Type eventType `json:"event"`
	ID   uint64    `json:"id"`

	PID   int    `json:"pid,omitempty"`
	Start uint64 `json:"start,omitempty"` // of a started process: clock ticks since the machine's start
	Error string `json:"error,omitempty"`

	Code   int            `json:"code,omitempty"`   // of an exited process; −1 when a signal ended it
	Signal syscall.Signal `json:"signal,omitempty"` // that ended it
}
