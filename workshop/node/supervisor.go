package node

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"warren.example/workshop/broker"
)

// A supervisor answers the requests that are described in broker/protocol.go.
type supervisor struct {
	source broker.Source
	ready  func(broker.State)
	shared broker.Lease
	state  broker.State

	lifetime context.Context // of all requests
	end      context.CancelFunc
	stop     chan struct{} // has one element when somebody wants the end
	ended    chan struct{} // closed when all brokers have ended

	mu     sync.Mutex // guards all below
	serial int
	leases []*entry // in the order in which they were asked for
}

// An entry is a lease that a client waits for or holds.
type entry struct {
	id     string
	status broker.LeaseStatus
	nodes  []broker.Node // none while it waits
}

func newSupervisor(cfg Config, shared broker.Lease, address string) *supervisor {
	s := &supervisor{
		source: cfg.Source,
		ready:  cfg.Ready,
		shared: shared,
		state:  newState(cfg.Source, shared.Nodes()[0].Info(), address),
		stop:   make(chan struct{}, 1),
		ended:  make(chan struct{}),
	}
	if s.ready == nil {
		s.ready = func(broker.State) {}
	}
	s.lifetime, s.end = context.WithCancel(context.Background())
	return s
}

func (s *supervisor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.serveStatus)
	mux.HandleFunc("POST /leases", s.serveLease)
	mux.HandleFunc("POST /leases/{id}/nodes/{index}/{action}", s.serveAction)
	mux.HandleFunc("POST /stop", s.serveStop)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := []byte("Bearer " + s.state.Token)
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			fail(w, http.StatusUnauthorized, errors.New("wrong token"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *supervisor) serveStatus(w http.ResponseWriter, _ *http.Request) {
	answer(w, s.status())
}

func (s *supervisor) status() broker.Status {
	status := broker.Status{
		PID:     os.Getpid(),
		Source:  s.source.Name(),
		Version: s.source.Version(),
		Started: s.state.Started,
		Nodes:   infos(s.shared.Nodes()),
		Leases:  []broker.LeaseStatus{},
	}
	for _, a := range broker.Abilities() {
		if s.source.Has(a) {
			status.Abilities = append(status.Abilities, a)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.leases {
		status.Leases = append(status.Leases, e.status)
	}
	return status
}

// serveLease grants a lease that lives as long as the request: until the client hangs up, or is dead, or s ends.
func (s *supervisor) serveLease(w http.ResponseWriter, r *http.Request) {
	var request broker.Request
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16)) // to its end: only then does the server see a hang-up
	if err == nil {
		err = json.Unmarshal(raw, &request)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("read the request: %w", err))
		return
	}
	e := s.enter(request)
	defer s.leave(e)
	lease, err := s.source.Lease(r.Context(), request)
	if err != nil && s.lifetime.Err() != nil {
		err = broker.ErrClosed
	}
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err)
		return
	}
	defer lease.Release()
	s.grant(e, lease.Nodes())
	answer(w, broker.Grant{ID: e.id, Nodes: infos(lease.Nodes())})
	if err := http.NewResponseController(w).Flush(); err != nil {
		return
	}
	<-r.Context().Done()
}

// enter notes that somebody asks for a lease.
func (s *supervisor) enter(r broker.Request) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	e := &entry{
		id:     strconv.Itoa(s.serial),
		status: broker.LeaseStatus{Kind: r.Kind, For: r.For, Waiting: true, Since: time.Now()},
	}
	s.leases = append(s.leases, e)
	return e
}

func (s *supervisor) grant(e *entry, nodes []broker.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.nodes, e.status.Nodes, e.status.Waiting = nodes, infos(nodes), false
}

func (s *supervisor) leave(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases = slices.DeleteFunc(s.leases, func(other *entry) bool { return other == e })
}

func (s *supervisor) serveAction(w http.ResponseWriter, r *http.Request) {
	node, err := s.find(r.PathValue("id"), r.PathValue("index"))
	if err != nil {
		fail(w, http.StatusNotFound, err)
		return
	}
	if err := act(r.Context(), node, r.PathValue("action"), r.FormValue); err != nil {
		fail(w, http.StatusConflict, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// find returns a node of a lease. A lease that has ended gives broker.ErrClosed.
func (s *supervisor) find(id, index string) (broker.Node, error) {
	i, err := strconv.Atoi(index)
	if err != nil {
		return nil, fmt.Errorf("node %q of a lease: %w", index, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.leases {
		if e.id == id && 0 <= i && i < len(e.nodes) {
			return e.nodes[i], nil
		}
	}
	return nil, broker.ErrClosed
}

// act does to a node what an action's name says.
func act(ctx context.Context, n broker.Node, action string, parameter func(string) string) error {
	switch action {
	case "kill":
		return n.Kill(ctx)
	case "stop":
		return n.Stop(ctx)
	case "start":
		return n.Start(ctx)
	case "pause":
		return n.Pause(ctx)
	case "resume":
		return n.Resume(ctx)
	case "alarm":
		return n.Alarm(ctx, parameter("on") == "true")
	case "advance":
		by, err := time.ParseDuration(parameter("by"))
		if err != nil {
			return fmt.Errorf("advance the clock: %w", err)
		}
		return n.Advance(ctx, by)
	}
	return fmt.Errorf("a node can't %q", action)
}

// serveStop answers when all brokers have ended.
func (s *supervisor) serveStop(w http.ResponseWriter, _ *http.Request) {
	select {
	case s.stop <- struct{}{}:
	default: // somebody else was first
	}
	<-s.ended
	w.WriteHeader(http.StatusNoContent)
}

func infos(nodes []broker.Node) []broker.Info {
	var all []broker.Info
	for _, n := range nodes {
		all = append(all, n.Info())
	}
	return all
}

func answer(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what) // a client that is gone is noticed elsewhere
}

func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(broker.NewFailure(err))
}
