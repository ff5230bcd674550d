package tap

import (
	"crypto/tls"
	"fmt"
	"net"
)

// pair is the two sockets of a connection.
type pair struct{ client, broker net.Conn }

// secure returns the sockets as pumps and writers shall use them: with TLS ended here, where the client speaks it and the
// tap has a CA, and with TLS spoken to the broker, where TargetTLS says so. To know, it has to wait for the first byte of
// the client, unless nothing depends on it.
func (c *conn) secure(sockets pair) (pair, error) {
	config := &c.tap.config
	if config.CA == nil && config.TargetTLS == nil {
		return sockets, nil
	}
	client := &peeked{TCPConn: sockets.client.(*net.TCPConn)}
	speaksTLS, err := client.peek()
	if err != nil {
		return pair{}, fmt.Errorf("you said nothing: %w", err)
	}
	sockets.client = client
	if speaksTLS && config.CA == nil {
		return sockets, nil
	}
	if speaksTLS {
		server := tls.Server(client, config.CA.serverConfig())
		if err := server.HandshakeContext(c.ctx); err != nil {
			return pair{}, fmt.Errorf("TLS between you and the tap failed (does the client trust the tap's CA?): %w", err)
		}
		sockets.client = server
	}
	if config.TargetTLS != nil {
		broker := tls.Client(sockets.broker, config.TargetTLS)
		if err := broker.HandshakeContext(c.ctx); err != nil {
			return pair{}, fmt.Errorf("TLS between the tap and the broker failed: %w", err)
		}
		sockets.broker = broker
	}
	return sockets, nil
}

// peeked is a socket whose first byte has been looked at.
type peeked struct {
	*net.TCPConn
	first []byte // what Read still has to return
}

// peek tells whether the client begins with TLS.
func (p *peeked) peek() (bool, error) {
	first := make([]byte, 1)
	if _, err := p.TCPConn.Read(first); err != nil {
		return false, err
	}
	p.first = first
	return first[0] == tlsHandshake, nil
}

// Read returns the first byte alone, then what follows.
func (p *peeked) Read(b []byte) (int, error) {
	if len(p.first) > 0 && len(b) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.TCPConn.Read(b)
}
