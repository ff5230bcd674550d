package tap_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// tlsPlay is a play whose client, broker or both speak TLS.
type tlsPlay struct {
	t      *testing.T
	tap    *tap.Tap
	target net.Listener
}

func playTLS(t *testing.T, config tap.Config, brokerCA *tap.CA) tlsPlay {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	if brokerCA != nil {
		// The broker is played by a tap of its own, which ends TLS.
		inner := startTap(t, tap.Config{Target: target.Addr().String(), CA: brokerCA})
		config.Target = inner.Addr()
	} else {
		config.Target = target.Addr().String()
	}
	t.Cleanup(func() { target.Close() })
	return tlsPlay{t: t, tap: startTap(t, config), target: target}
}

// broker returns the broker's end of the next connection.
func (p tlsPlay) broker() *end {
	conn, err := p.target.Accept()
	require.NoError(p.t, err)
	return newEnd(p.t, conn)
}

// client dials with TLS; trust is what it trusts.
func (p tlsPlay) client(name string, trust *x509.CertPool) (*end, error) {
	conn, err := net.Dial("tcp", p.tap.Addr())
	require.NoError(p.t, err)
	p.t.Cleanup(func() { conn.Close() })
	secured := tls.Client(conn, &tls.Config{ServerName: name, RootCAs: trust})
	require.NoError(p.t, secured.SetDeadline(time.Now().Add(deadline)))
	if err := secured.Handshake(); err != nil {
		return nil, err
	}
	return newEnd(p.t, secured), nil
}

// talk checks that both understand each other and that the tap understands them.
func (p tlsPlay) talk(client, broker *end) {
	p.t.Helper()
	client.write(wire.AppendProtocolHeader(nil, wire.AMQP091))
	require.Equal(p.t, "AMQP 0-9-1", broker.protocol())
	broker.say(0, &wire.ConnectionStart{Mechanisms: "PLAIN"})
	require.Equal(p.t, "connection.start", client.hear().method.Name())
	require.Equal(p.t, 1, p.tap.Recording().Count(tap.Filter{Method: "connection.start"}))
	require.NoError(p.t, client.conn.Close())
	broker.hearsEnd()
}

func newCA(t *testing.T) *tap.CA {
	ca, err := tap.NewCA()
	require.NoError(t, err)
	return ca
}

func TestTLSOfTheClientIsEndedWithTheTapsOwnCA(t *testing.T) {
	t.Parallel()
	p := playTLS(t, tap.Config{CA: newCA(t)}, nil)
	for _, name := range []string{"localhost", "127.0.0.1", "broker.warren.example"} {
		trust := x509.NewCertPool()
		require.True(t, trust.AppendCertsFromPEM(p.tap.CA().PEM()))
		client, err := p.client(name, trust)
		require.NoError(t, err, name)
		client.write(wire.AppendProtocolHeader(nil, wire.AMQP091))
		require.Equal(t, "AMQP 0-9-1", p.broker().protocol())
	}
	p = playTLS(t, tap.Config{CA: newCA(t)}, nil)
	client, err := p.client("localhost", p.tap.CA().Pool())
	require.NoError(t, err)
	p.talk(client, p.broker())
}

func TestAClientThatSpeaksNoTLSIsServedBesideACA(t *testing.T) {
	t.Parallel()
	p := playTLS(t, tap.Config{CA: newCA(t)}, nil)
	conn, err := net.Dial("tcp", p.tap.Addr())
	require.NoError(t, err)
	p.talk(newEnd(t, conn), p.broker())
}

func TestTheTapSpeaksTLSToTheBroker(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	p := playTLS(t, tap.Config{TargetTLS: &tls.Config{RootCAs: ca.Pool()}}, ca)
	conn, err := net.Dial("tcp", p.tap.Addr())
	require.NoError(t, err)
	client := newEnd(t, conn)
	client.write([]byte{'A'}) // what is said before TLS stands is not lost
	broker := p.broker()
	client.write([]byte("MQP\x00\x00\x09\x01"))
	require.Equal(t, "AMQP 0-9-1", broker.protocol())
}

func TestTLSOnBothSides(t *testing.T) {
	t.Parallel()
	brokerCA := newCA(t)
	p := playTLS(t, tap.Config{CA: newCA(t), TargetTLS: &tls.Config{RootCAs: brokerCA.Pool()}}, brokerCA)
	client, err := p.client("localhost", p.tap.CA().Pool())
	require.NoError(t, err)
	p.talk(client, p.broker())
}

func TestTLSWithoutACAPassesUnreadAndTheRecordingSaysSo(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	p := playTLS(t, tap.Config{}, ca)
	client, err := p.client("localhost", ca.Pool())
	require.NoError(t, err)
	client.write(wire.AppendProtocolHeader(nil, wire.AMQP091))
	broker := p.broker()
	require.Equal(t, "AMQP 0-9-1", broker.protocol())
	unread := p.tap.Recording().Find(tap.Filter{Method: "unreadable"})
	require.Len(t, unread, 1)
	require.Equal(t, "TLS: it passes unread, since the tap has no CA", unread[0].Text)
	require.Zero(t, p.tap.Recording().Count(tap.Filter{Method: "protocol-header"}))
}

func TestAClientThatDoesNotTrustTheTapIsExplained(t *testing.T) {
	t.Parallel()
	p := playTLS(t, tap.Config{CA: newCA(t)}, nil)
	_, err := p.client("localhost", x509.NewCertPool())
	require.Error(t, err)
	end, err := p.tap.Recording().Wait(within(t), tap.Filter{Method: "disconnect"}, 1)
	require.NoError(t, err)
	require.Contains(t, end[0].Text, "does the client trust the tap's CA?")
}

func TestABrokerWithoutTLSWhereItShouldSpeakItIsExplained(t *testing.T) {
	t.Parallel()
	p := playTLS(t, tap.Config{TargetTLS: &tls.Config{}}, nil)
	conn, err := net.Dial("tcp", p.tap.Addr())
	require.NoError(t, err)
	client := newEnd(t, conn)
	client.write(wire.AppendProtocolHeader(nil, wire.AMQP091))
	broker := p.broker()
	broker.write([]byte("AMQP\x00\x00\x09\x01"))
	client.hearsEnd()
	end, err := p.tap.Recording().Wait(within(t), tap.Filter{Method: "disconnect"}, 1)
	require.NoError(t, err)
	require.Contains(t, end[0].Text, "TLS between the tap and the broker failed")
	_, err = io.ReadAll(broker.conn)
	_ = err // it may be reset
}

func TestATapThatClosesDoesNotWaitForTLS(t *testing.T) {
	t.Parallel()
	p := playTLS(t, tap.Config{CA: newCA(t)}, nil)
	conn, err := net.Dial("tcp", p.tap.Addr())
	require.NoError(t, err)
	silent := newEnd(t, conn) // says nothing
	p.broker()
	require.NoError(t, p.tap.Close())
	silent.hearsEnd()
}
