package transcript

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Broker is where scripts run: a RabbitMQ or a minirabbit.
type Broker struct {
	Name       string        // for people: "RabbitMQ 3.10.8"
	AMQP       string        // URL with the name and password of an administrator
	Management string        // URL of the management API
	Patience   time.Duration // how long to wait for anything; 0: 10 s

	// Control stops and starves the broker. Its words are stop, start, kill, alarm and calm: stop ends the broker in
	// an orderly way, kill does not, start follows either, alarm is the memory alarm and calm its end. It returns when
	// it is done. Nil: scripts that need it are left out.
	Control func(word string) error
}

// Version asks the broker for its version: "3.10.8".
func (b Broker) Version() (string, error) {
	var overview struct {
		Version string `json:"rabbitmq_version"`
	}
	err := b.call(http.MethodGet, "overview", nil, &overview)
	return overview.Version, err
}

// address gives what to dial and whom to be.
func (b Broker) address() (address, user, password string, err error) {
	u, err := url.Parse(b.AMQP)
	if err != nil {
		return "", "", "", err
	}
	password, _ = u.User.Password()
	return u.Host, u.User.Username(), password, nil
}

// newHost makes a virtual host with a name of its own in which the administrator may do all.
func (b Broker) newHost() (name string, err error) {
	random := make([]byte, 6)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	name = "transcript-" + hex.EncodeToString(random)
	if err := b.call(http.MethodPut, "vhosts/"+name, struct{}{}, nil); err != nil {
		return "", err
	}
	_, user, _, err := b.address()
	if err != nil {
		return "", err
	}
	return name, b.permit(name, user, permissions{Configure: ".*", Write: ".*", Read: ".*"})
}

type permissions struct {
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

func (b Broker) permit(host, user string, p permissions) error {
	return b.call(http.MethodPut, "permissions/"+host+"/"+user, p, nil)
}

// call does one request of the management API. body and answer may be nil.
func (b Broker) call(method, path string, body, answer any) error {
	return b.callWith(method, path, body, answer, http.Header{})
}

// callWith is call with headers of its own.
func (b Broker) callWith(method, path string, body, answer any, header http.Header) error {
	_, user, password, err := b.address()
	if err != nil {
		return err
	}
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, b.Management+"/api/"+path, content)
	if err != nil {
		return err
	}
	request.Header = header
	request.SetBasicAuth(user, password)
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 60 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return &statusError{status: response.StatusCode, text: fmt.Sprintf("%s /api/%s: %s: %s", method, path, response.Status, text)}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// statusError is an answer of the management API that is no success.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

// statusOf gives the status that the management API answered with, 0 if err is something else.
func statusOf(err error) int {
	var refused *statusError
	if errors.As(err, &refused) {
		return refused.status
	}
	return 0
}

func (b Broker) patience() time.Duration {
	if b.Patience == 0 {
		return 10 * time.Second
	}
	return b.Patience
}
