package protocol

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// anonymous is the user that RabbitMQ since 4.0 takes for those who don't say who they are.
const anonymous = "guest"

// mechanisms are the ways to log in, as connection.start offers them.
func mechanisms(v version.Version) string {
	if v.Anonymous() {
		return "ANONYMOUS PLAIN AMQPLAIN"
	}
	return "PLAIN AMQPLAIN"
}

// credentials reads who the client says it is (rabbitmq.com/docs/access-control#mechanisms).
func (c *connection) credentials(m *wire.ConnectionStartOk) (name, password string, err error) {
	if !slices.Contains(strings.Fields(mechanisms(c.server.config.Version)), m.Mechanism) {
		return "", "", fmt.Errorf("COMMAND_INVALID - unknown authentication mechanism '%s'", m.Mechanism)
	}
	switch m.Mechanism {
	case "PLAIN":
		return plain(m.Response)
	case "AMQPLAIN":
		return amqplain(m.Response)
	default:
		user, _ := c.server.config.Broker.User(anonymous)
		return user.Name, user.Password, nil
	}
}

// plain reads zero, name, zero, password. RFC 4616 has an identity before the first zero; RabbitMQ wants none.
func plain(response string) (name, password string, err error) {
	parts := strings.Split(response, "\x00")
	if len(parts) != 3 || parts[0] != "" {
		return "", "", fmt.Errorf("SYNTAX_ERROR - response %s invalid", binaryTerm([]byte(response)))
	}
	return parts[1], parts[2], nil
}

// amqplain reads a table with LOGIN and PASSWORD, without the table's length.
func amqplain(response string) (name, password string, err error) {
	// A method with a table is what the table's bytes can be decoded with.
	payload := binary.BigEndian.AppendUint16(nil, (*wire.ConnectionStart)(nil).ID().Class)
	payload = binary.BigEndian.AppendUint16(payload, (*wire.ConnectionStart)(nil).ID().Method)
	payload = append(payload, 0, 9)
	payload = binary.BigEndian.AppendUint32(payload, uint32(len(response)))
	payload = append(payload, response...)
	payload = append(payload, 0, 0, 0, 0, 0, 0, 0, 0) // mechanisms and locales
	m, err := wire.DecodeMethod(payload)
	if err != nil {
		return "", "", errors.New("SYNTAX_ERROR - AMQPLAIN auth info is no table")
	}
	table := m.(*wire.ConnectionStart).ServerProperties
	login, _ := table.Get("LOGIN")
	secret, _ := table.Get("PASSWORD")
	n, ok := login.(wire.String)
	p, also := secret.(wire.String)
	if !ok || !also {
		return "", "", errors.New("SYNTAX_ERROR - AMQPLAIN auth info is missing LOGIN or PASSWORD field")
	}
	return string(n), string(p), nil
}

// secure tells whether the connection is encrypted.
func (c *connection) secure() bool {
	_, ok := c.socket.(*tls.Conn)
	return ok
}
