package minirabbit_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit"
)

// certificate makes a certificate for 127.0.0.1 that signs itself, and what trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	own, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(own)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots}
}

func TestTLS(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	broker := minirabbit.Run(t, minirabbit.WithTLS(serverTLS))
	require.Regexp(t, `^amqps://guest:guest@127\.0\.0\.1:\d+/$`, broker.URL())
	c, err := amqp.DialTLS(broker.URL(), clientTLS)
	require.NoError(t, err)
	ch, err := c.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	_, err = ch.QueueDeclare("orders", true, false, false, false, nil)
	require.NoError(t, err)
	broker.Pause() // wakes the reader of the connection, between two TLS records
	broker.Resume()
	publish(t, ch, "orders", string(make([]byte, 100_000)))
	notices := c.NotifyClose(make(chan *amqp.Error, 1))
	broker.Stop()
	require.Equal(t, 320, closed(t, notices).Code)

	_, err = minirabbit.Start(minirabbit.WithTLS(&tls.Config{}))
	require.ErrorContains(t, err, "the TLS configuration has no certificate")
}

// A client that speaks no TLS, or nothing, holds nobody up.
func TestTLSWithoutTLS(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	broker := minirabbit.Run(t, minirabbit.WithTLS(serverTLS))
	mute, err := net.Dial("tcp", broker.URL()[len("amqps://guest:guest@"):len(broker.URL())-1])
	require.NoError(t, err)
	defer mute.Close()
	plain, err := net.Dial("tcp", mute.RemoteAddr().String())
	require.NoError(t, err)
	defer plain.Close()
	_, err = plain.Write([]byte("AMQP\x00\x00\x09\x01"))
	require.NoError(t, err)
	c, err := amqp.DialTLS(broker.URL(), clientTLS)
	require.NoError(t, err)
	require.NoError(t, c.Close())
}
