package discovery

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/httpx"
)

// instance starts a service that answers with its name and what it was sent.
func instance(t *testing.T, s *Static, service, name string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, name+" "+r.Host+" "+r.URL.Path+" "+string(body)+r.Header.Get(httpx.DeadlineHeader))
	}))
	t.Cleanup(server.Close)
	require.NoError(t, s.Register(t.Context(), service, "http", server.Listener.Addr().String()))
	return server
}

// nobody registers an address at which nobody listens.
func nobody(t *testing.T, s *Static, service, protocol string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.NoError(t, s.Register(t.Context(), service, protocol, listener.Addr().String()))
}

func client(t *testing.T, s Registry, settings *tls.Config) *http.Client {
	base := Base(settings)
	t.Cleanup(base.CloseIdleConnections)
	return &http.Client{Transport: Transport(s, base)}
}

func ask(t *testing.T, c *http.Client, method, address string, body io.Reader) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, body)
	require.NoError(t, err)
	response, err := c.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // a test
	all, err := io.ReadAll(response.Body)
	return string(all), err
}

func TestRoundRobin(t *testing.T) {
	s := NewStatic()
	instance(t, s, "order", "a")
	instance(t, s, "order", "b")
	instance(t, s, "user", "u")
	c := client(t, s, nil)
	for _, wanted := range []string{"a", "b", "a", "b"} {
		got, err := ask(t, c, "GET", "http://order/orders", nil)
		require.NoError(t, err)
		require.Equal(t, wanted+" order /orders ", got)
		got, err = ask(t, c, "GET", "http://user/x", nil)
		require.NoError(t, err)
		require.Equal(t, "u user /x ", got, "each service has its own turns")
	}
}

func TestAnInstanceThatIsGoneIsSkipped(t *testing.T) {
	s := NewStatic()
	nobody(t, s, "order", "http")
	instance(t, s, "order", "b")
	c := client(t, s, nil)
	for range 4 {
		got, err := ask(t, c, "POST", "http://order/", strings.NewReader("body"))
		require.NoError(t, err)
		require.Equal(t, "b order / body", got)
	}
	// A body that can be read only once was perhaps begun.
	_, err := ask(t, c, "POST", "http://order/", io.MultiReader(strings.NewReader("body")))
	require.True(t, Refused(err), err)
}

func TestErrors(t *testing.T) {
	s := NewStatic()
	c := client(t, s, nil)
	closed := &closing{Reader: strings.NewReader("x")}
	_, err := ask(t, c, "POST", "http://order/", closed)
	require.ErrorIs(t, err, ErrNone)
	require.True(t, Refused(err))
	require.True(t, closed.done, "net/http: RoundTrip must always close the body")
	nobody(t, s, "order", "http")
	nobody(t, s, "order", "http")
	_, err = ask(t, c, "GET", "http://order/", nil)
	require.ErrorContains(t, err, "order")
	require.True(t, Refused(err))

	var asked atomic.Int64
	rude := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	})
	for range 2 {
		server := httptest.NewServer(rude)
		defer server.Close()
		require.NoError(t, s.Register(t.Context(), "user", "http", server.Listener.Addr().String()))
	}
	_, err = ask(t, c, "POST", "http://user/", nil)
	require.Error(t, err)
	require.False(t, Refused(err), "it may have done something")
	require.EqualValues(t, 1, asked.Load(), "so nobody else is asked to do it")
}

type closing struct {
	io.Reader
	done bool
}

func (c *closing) Close() error { c.done = true; return nil }

func TestAddressesAreLeftAloneAndDeadlinesPassedOn(t *testing.T) {
	s := NewStatic()
	server := instance(t, s, "order", "a")
	c := client(t, s, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for address, carries := range map[string]bool{server.URL: false, "http://order": true} {
		r, err := http.NewRequestWithContext(ctx, "GET", address, nil)
		require.NoError(t, err)
		response, err := c.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, carries, !strings.HasSuffix(string(body), " "), "%s", body)
		require.Empty(t, r.Header, "the caller's request stays as it is")
	}
}

// TestMutualTLS: who asks checks that it talks to order, and order checks that it talks to somebody of the shop.
func TestMutualTLS(t *testing.T) {
	ca := newAuthority(t)
	s := NewStatic()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "order")}, ClientCAs: ca.pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	for _, service := range []string{"order", "payment"} {
		require.NoError(t, s.Register(t.Context(), service, "http", server.Listener.Addr().String()))
	}
	settings := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "gateway")}, RootCAs: ca.pool,
		MinVersion: tls.VersionTLS13}
	got, err := ask(t, client(t, s, settings), "GET", "http://order/", nil)
	require.NoError(t, err)
	require.Equal(t, "gateway", got)

	_, err = ask(t, client(t, s, settings), "GET", "http://payment/", nil)
	require.ErrorContains(t, err, "not payment", "order plays payment")
	_, err = ask(t, client(t, s, &tls.Config{RootCAs: ca.pool, MinVersion: tls.VersionTLS13}), "GET", "http://order/", nil)
	require.ErrorContains(t, err, "certificate required")
	got, err = ask(t, client(t, s, nil), "GET", "http://order/", nil)
	require.NotEqual(t, "gateway", got, err)

	plain := instance(t, s, "catalog", "c")
	got, err = ask(t, client(t, s, settings), "GET", plain.URL, nil)
	require.NoError(t, err, "addresses are no services: no TLS")
	require.True(t, strings.HasPrefix(got, "c "))
}

// An authority issues certificates, for an hour.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &authority{key: key, pool: x509.NewCertPool()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	ca.certificate, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	ca.pool.AddCert(ca.certificate)
	return ca
}

func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
