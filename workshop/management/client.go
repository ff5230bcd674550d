// Package management is a small client of RabbitMQ's management HTTP API: the calls that the workshop needs, and no
// others. Except for definitions (virtual hosts, users, exchanges, bindings), its answers are up to five seconds old;
// for facts without lag ask over AMQP.
package management

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// A Client talks to one node's management API. It may be used from several goroutines.
type Client struct {
	base           string // without a slash at the end
	user, password string
	http           *http.Client
}

// New returns a client for an address such as "http://guest:guest@127.0.0.1:15672". It does not connect.
func New(baseURL string) (*Client, error) {
	address, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("management address: %w", redact(err))
	}
	if address.Scheme != "http" && address.Scheme != "https" || address.Host == "" {
		return nil, fmt.Errorf("management address %q: want http://user:password@host:15672", address.Redacted())
	}
	password, _ := address.User.Password()
	client := &Client{user: address.User.Username(), password: password}
	address.User = nil
	client.base = strings.TrimRight(address.String(), "/")
	// A transport of its own, without connections kept open: a client needs no Close and leaves no goroutines behind.
	client.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return client, nil
}

// redact drops the URL, which may hold a password, from an error of package url.
func redact(err error) error {
	var bad *url.Error
	if errors.As(err, &bad) {
		return bad.Err
	}
	return err
}

// A call is one request.
type call struct {
	method string
	path   string      // escaped: see path
	header http.Header // may be nil
	in     any         // sent as JSON unless nil
	out    any         // the answer is stored here unless nil
}

func (c *Client) do(ctx context.Context, r call) error {
	var body io.Reader
	if r.in != nil {
		raw, err := json.Marshal(r.in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
		body = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	maps.Copy(request.Header, r.header)
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth(c.user, c.password)
	response, err := c.http.Do(request)
	if err != nil {
		return err // names method and URL already
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", r.method, r.path, err)
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %w", r.method, r.path, newError(response.StatusCode, answer))
	}
	if r.out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, r.out); err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	return nil
}

// path joins escaped segments. The API wants "/" in names (the default virtual host) as %2F.
func path(segments ...string) string {
	var b strings.Builder
	b.WriteString("/api")
	for _, segment := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(segment))
	}
	return b.String()
}
