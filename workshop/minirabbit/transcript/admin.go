package transcript

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// admin does a line for the management API. Users belong to the script.
//
//	user ann secret                                makes a user
//	permit ann configure=^a write=^a read=.*       lets her into the virtual host
//	permit-topic ann exchange=x write=^a read=.*   for routing keys of a topic exchange
//	forbid ann                                     takes her permissions away
//	delete-user ann                                removes her
//	delete-host                                    removes the script's virtual host
//	disconnect c1 "some reason"                    closes a connection
//	gone q                                         waits until a queue is gone, without touching it as AMQP would
func (r *session) admin(words []string) error {
	if words[0] == "delete-host" {
		return r.broker.call(http.MethodDelete, "vhosts/"+r.names.host, nil, nil)
	}
	if len(words) < 2 {
		return fmt.Errorf("%s whom?", words[0])
	}
	name := r.names.user(words[1])
	fields := map[string]string{}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		fields[key] = strings.Trim(value, `"`)
	}
	switch words[0] {
	case "user":
		r.users = append(r.users, name)
		return r.broker.call(http.MethodPut, "users/"+name, map[string]string{"password": words[2], "tags": ""}, nil)
	case "permit":
		p := permissions{Configure: fields["configure"], Write: fields["write"], Read: fields["read"]}
		return r.broker.permit(r.names.host, name, p)
	case "permit-topic":
		err := r.broker.call(http.MethodPut, "topic-permissions/"+r.names.host+"/"+name, fields, nil)
		if status := statusOf(err); status == http.StatusNotImplemented {
			r.say("management: 501")
			return nil
		}
		return err
	case "delete-user":
		return r.broker.call(http.MethodDelete, "users/"+name, nil, nil)
	case "disconnect":
		return r.disconnect(words[1], words[2])
	case "gone":
		return r.gone(words[1])
	default:
		return r.broker.call(http.MethodDelete, "permissions/"+r.names.host+"/"+name, nil, nil)
	}
}

// disconnect closes a connection of the script, as soon as the management API knows it.
func (r *session) disconnect(connection, reason string) error {
	n, err := strconv.Atoi(strings.TrimPrefix(connection, "c"))
	if err != nil || r.connections[n] == nil {
		return fmt.Errorf("disconnect whom? %s", connection)
	}
	path := "connections/" + url.PathEscape(r.connections[n].Name())
	for deadline := r.deadline(); ; time.Sleep(interval) {
		err := r.broker.callWith(http.MethodDelete, path, nil, nil, http.Header{"X-Reason": {strings.Trim(reason, `"`)}})
		if statusOf(err) != http.StatusNotFound {
			return err
		}
		if time.Now().After(deadline) {
			r.timeout("the management API never knew the connection")
			return nil
		}
	}
}

// gone waits until a queue is no longer there.
func (r *session) gone(queue string) error {
	for deadline := r.deadline(); ; time.Sleep(interval) {
		err := r.broker.call(http.MethodGet, "queues/"+r.names.host+"/"+queue, nil, nil)
		if statusOf(err) == http.StatusNotFound {
			return nil
		}
		if err != nil && statusOf(err) != http.StatusInternalServerError { // which RabbitMQ says of a queue that is just going
			return err
		}
		if time.Now().After(deadline) {
			r.timeout("it is still there")
			return nil
		}
	}
}

// control does a line that begins with "broker".
func (r *session) control(words []string) error {
	if r.broker.Control == nil {
		return fmt.Errorf("nobody can %s %s", words[0], r.broker.Name)
	}
	if words[0] == "stop" || words[0] == "kill" {
		if own := r.connections[0]; own != nil {
			own.Hangup()
			own.dead = true
		}
		for _, c := range r.connections {
			c.cut = true
		}
	}
	return r.broker.Control(words[0])
}
