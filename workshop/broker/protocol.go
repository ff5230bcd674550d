package broker

import (
	"errors"
	"time"
)

// What Remote and the supervisor (node.Supervise) say to each other, as JSON over HTTP on loopback. Each request carries
// the state file's token: `Authorization: Bearer …`.
//
//	GET  /status                             → Status
//	POST /leases  Request                    → Grant, one line; then the answer stays open: when the connection ends,
//	                                           by either side, the lease ends
//	POST /leases/{id}/nodes/{index}/{action} → 204; action: kill, stop, start, pause, resume, alarm?on=true, advance?by=1h
//	POST /stop                               → 204 when all nodes have ended
//
// Every other answer has a status of 400 or above and a Failure.

// Status is what a supervisor tells about itself.
type Status struct {
	PID       int           `json:"pid"`
	Source    string        `json:"source"`    // Source.Name
	Version   string        `json:"version"`   // Source.Version
	Abilities []Ability     `json:"abilities"` // what Source.Has says yes to
	Nodes     []Info        `json:"nodes"`     // of the shared broker
	Leases    []LeaseStatus `json:"leases"`    // granted and waiting, oldest first
	Started   time.Time     `json:"started"`
}

// LeaseStatus is one lease of a supervisor.
type LeaseStatus struct {
	Kind    Kind      `json:"kind"`
	For     string    `json:"for"` // Request.For
	Nodes   []Info    `json:"nodes,omitempty"`
	Waiting bool      `json:"waiting,omitempty"` // asked for, not granted yet
	Since   time.Time `json:"since"`             // when it was asked for
}

// A Grant begins a lease.
type Grant struct {
	ID    string `json:"id"`
	Nodes []Info `json:"nodes"`
}

// A Failure is an error on its way from the supervisor.
type Failure struct {
	Text   string            `json:"error"`
	Lacks  *UnsupportedError `json:"lacks,omitempty"`
	Closed bool              `json:"closed,omitempty"` // it is, or wraps, ErrClosed
}

// NewFailure prepares an error for the way.
func NewFailure(err error) Failure {
	f := Failure{Text: err.Error(), Closed: errors.Is(err, ErrClosed)}
	errors.As(err, &f.Lacks)
	return f
}

// Err makes an error of it again: an *UnsupportedError stays one, an ErrClosed too; all others are text.
func (f Failure) Err() error {
	switch {
	case f.Lacks != nil:
		return f.Lacks
	case f.Closed:
		return ErrClosed
	}
	return errors.New(f.Text)
}
