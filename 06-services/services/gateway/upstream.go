package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"warren.example/06-services/discovery"
)

const (
	maxAnswer   = 1 << 20         // bytes of an answer
	trip        = 10              // so many in a row without an answer open a service's breaker
	breakerOpen = 1 * time.Second // for so long nobody asks it; then one does, to see
)

// A question is what the gateway asks another service.
type question struct {
	service, method, path string
	query                 url.Values
	header                http.Header
	body                  []byte
}

// An answer is what a service has said: all of it, so that one that breaks off is none.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// The kinds of errors that ask returns. They say why there is no answer.
var (
	errSlow        = errors.New("no answer in time")
	errUnreachable = errors.New("not reachable")
	errBadAnswer   = errors.New("an answer that is none")
)

// An upstream asks services. Of each it remembers whether it answers (a breaker): who waits for a service that is stuck holds
// memory and connections meanwhile, and the service gets no rest.
type upstream struct {
	client  *http.Client
	wait    time.Duration // for an answer
	observe func(name string, value float64, labels ...string)

	mu       sync.Mutex
	breakers map[string]*gobreaker.CircuitBreaker[answer]
}

func newUpstream(client *http.Client, wait time.Duration, observe func(string, float64, ...string)) *upstream {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &upstream{client: &own, wait: wait, observe: observe, breakers: make(map[string]*gobreaker.CircuitBreaker[answer])}
}

// ask returns a service's answer, whatever its status. If there is none within wait, or before ctx ends: an error that wraps
// errSlow, errUnreachable (nobody has seen the question), errBadAnswer, or ctx's.
func (u *upstream) ask(ctx context.Context, wait time.Duration, q question) (answer, error) {
	a, err := u.breaker(q.service).Execute(func() (answer, error) {
		limited, cancel := context.WithTimeoutCause(ctx, wait, errSlow)
		defer cancel()
		a, err := u.send(limited, q)
		if err != nil && limited.Err() != nil {
			err = context.Cause(limited)
		}
		return a, err
	})
	switch {
	case err == nil:
		return a, nil
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests), discovery.Refused(err):
		err = fmt.Errorf("%w: %w", errUnreachable, err)
	}
	u.observe("upstream.failed", 1, "service", q.service)
	return answer{}, fmt.Errorf("ask %s for %s %s: %w", q.service, q.method, q.path, err)
}

func (u *upstream) send(ctx context.Context, q question) (answer, error) {
	address := url.URL{Scheme: "http", Host: q.service, Path: q.path, RawQuery: q.query.Encode()}
	r, err := http.NewRequestWithContext(ctx, q.method, address.String(), bytes.NewReader(q.body))
	if err != nil {
		return answer{}, err
	}
	if q.header != nil {
		r.Header = q.header
	}
	response, err := u.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read, or is of no use
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("%w: %w", errBadAnswer, err)
	case len(body) > maxAnswer:
		return answer{}, fmt.Errorf("%w: more than %d bytes", errBadAnswer, maxAnswer)
	}
	return answer{status: response.StatusCode, header: response.Header, body: body}, nil
}

func (u *upstream) breaker(service string) *gobreaker.CircuitBreaker[answer] {
	u.mu.Lock()
	defer u.mu.Unlock()
	b, ok := u.breakers[service]
	if !ok {
		b = gobreaker.NewCircuitBreaker[answer](gobreaker.Settings{
			Name:        service,
			Timeout:     breakerOpen,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= trip },
			// An asker who gives up says nothing about the service: neither one that goes, nor one that is impatient.
			IsExcluded: func(err error) bool {
				return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
			},
			OnStateChange: func(name string, _, to gobreaker.State) {
				u.observe("breaker."+strings.ReplaceAll(to.String(), "-", "_"), 1, "service", name)
			},
		})
		u.breakers[service] = b
	}
	return b
}
