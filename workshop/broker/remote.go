package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// callTimeout ends a call that the supervisor answers at once, if it answers at all.
const callTimeout = 15 * time.Second

// A Remote is a source whose brokers belong to the supervisor that `workshop up` started, another process. When this
// process ends, however suddenly, its leases end too.
type Remote struct {
	state  State
	status Status // as it was when Up asked
	http   *http.Client

	mu     sync.Mutex // guards leases and closed
	leases map[*remoteLease]struct{}
	closed bool
}

var _ Source = (*Remote)(nil)

// Up returns the source that `workshop up` left running. A state file whose supervisor is gone is removed. The error is
// ErrNone when none runs.
func Up(ctx context.Context) (*Remote, error) {
	state, err := ReadState()
	if err != nil {
		return nil, err
	}
	if host, err := os.Hostname(); err == nil && host != state.Host {
		return nil, ErrNone // a shared folder; the broker runs on another machine, or outside this container
	}
	// Without connections kept open, what a Remote leaves behind are its leases only.
	r := &Remote{
		state:  state,
		http:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		leases: make(map[*remoteLease]struct{}),
	}
	r.status, err = r.Status(ctx)
	if errors.Is(err, errGone) {
		return nil, errors.Join(ErrNone, state.Remove())
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// errGone says that the address in the state file is nobody's any more, or another program's.
var errGone = errors.New("the supervisor is gone: type `go run ./workshop up`")

// Name is the supervisor's source's name: "RabbitMQ 3.10.8 (native)".
func (r *Remote) Name() string { return r.status.Source }

// Version is the broker's version.
func (r *Remote) Version() string { return r.status.Version }

// Has reports what the supervisor's brokers can do.
func (r *Remote) Has(a Ability) bool { return slices.Contains(r.status.Abilities, a) }

// Status asks the supervisor how it is.
func (r *Remote) Status(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	response, err := r.send(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return Status{}, err
	}
	defer response.Body.Close()
	var s Status
	if json.NewDecoder(response.Body).Decode(&s) != nil || s.Source == "" {
		return Status{}, errGone
	}
	return s, nil
}

// Stop ends the supervisor and returns when all its nodes have ended.
func (r *Remote) Stop(ctx context.Context) error {
	return r.do(ctx, "/stop")
}

// Lease asks the supervisor for a lease: see Source.
func (r *Remote) Lease(ctx context.Context, request Request) (Lease, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("lease a broker: %w", err)
	}
	// The lease lives as long as the answer to this request, so it needs a context that outlives ctx.
	lifetime, end := context.WithCancel(context.WithoutCancel(ctx))
	stopWaiting := context.AfterFunc(ctx, end)
	l := &remoteLease{remote: r, end: end}
	err = l.begin(lifetime, raw)
	if !stopWaiting() || err != nil {
		end()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		l.hangUp()
		return nil, fmt.Errorf("lease a broker (%s): %w", request.Kind, err)
	}
	if !r.keep(l) {
		return nil, errors.Join(ErrClosed, l.Release())
	}
	return l, nil
}

// Close ends all leases. The supervisor lives on.
func (r *Remote) Close() error {
	r.mu.Lock()
	r.closed = true
	leases := r.leases
	r.leases = nil
	r.mu.Unlock()
	var failures []error
	for l := range leases {
		failures = append(failures, l.Release())
	}
	return errors.Join(failures...)
}

// keep remembers a lease for Close. It reports false when the remote is closed already.
func (r *Remote) keep(l *remoteLease) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.leases[l] = struct{}{}
	return true
}

func (r *Remote) forget(l *remoteLease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.leases, l)
}

// do sends a request that has no answer but success.
func (r *Remote) do(ctx context.Context, path string) error {
	response, err := r.send(ctx, http.MethodPost, path, nil)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// send sends a request and returns its answer if that is a success, else the error it stands for: errGone when nobody is
// there, or somebody who doesn't know the token.
func (r *Remote) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	where := url.URL{Scheme: "http", Host: r.state.Address}
	request, err := http.NewRequestWithContext(ctx, method, where.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the supervisor: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+r.state.Token)
	response, err := r.http.Do(request)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	if response.StatusCode < http.StatusBadRequest {
		return response, nil
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	var f Failure
	if err != nil || response.StatusCode == http.StatusUnauthorized || json.Unmarshal(raw, &f) != nil {
		return nil, errGone
	}
	return nil, f.Err()
}

func (r *Remote) explain(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case isRefused(err), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return errGone
	case isTimeout(err):
		return fmt.Errorf("the supervisor (process %d) does not answer: end it and type `go run ./workshop up` (%w)",
			r.state.PID, err)
	}
	return fmt.Errorf("ask the supervisor: %w", err)
}
