package shop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificates writes a CA, and a certificate of it for services with these names.
func certificates(t *testing.T, names ...string) (cert, key, ca string, pool *x509.CertPool) {
	t.Helper()
	template := func(serial int64, isCA bool) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "shop"}, IsCA: isCA,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, DNSNames: names,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	}
	folder := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	root := template(1, true)
	caDER, err := x509.CreateCertificate(rand.Reader, root, root, caKey.Public(), caKey)
	require.NoError(t, err)
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	leafDER, err := x509.CreateCertificate(rand.Reader, template(2, false), root, leafKey.Public(), caKey)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(leafKey)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(caDER)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	cert, key = write("cert.pem", "CERTIFICATE", leafDER), write("key.pem", "PRIVATE KEY", keyDER)
	return cert, key, write("ca.pem", "CERTIFICATE", caDER), pool
}

// With SHOP_TLS_… the services know each other by certificate, by HTTP and by gRPC. Without one, only /health answers.
func TestMutualTLS(t *testing.T) {
	cert, key, ca, pool := certificates(t, "front", "back")
	c := settings(t, map[string]string{"SHOP_TLS_CERT": cert, "SHOP_TLS_KEY": key, "SHOP_TLS_CA": ca})
	s := start(t, c, caller(t), callee())
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	ask := func(path string, certificates ...tls.Certificate) int {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "front", Certificates: certificates}}
		defer transport.CloseIdleConnections()
		answer, err := (&http.Client{Transport: transport}).Get("https://" + s.Address("front") + path)
		require.NoError(t, err)
		answer.Body.Close()
		return answer.StatusCode
	}
	require.Equal(t, http.StatusTeapot, ask("/", pair))
	require.Equal(t, http.StatusForbidden, ask("/"))
	require.Equal(t, http.StatusOK, ask("/health"))

	conn, err := tls.Dial("tcp", s.GRPC("back"), &tls.Config{RootCAs: pool, ServerName: "back", NextProtos: []string{"h2"}})
	if err == nil { // TLS 1.3: the client learns with its first read that it was refused
		defer conn.Close()
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
		_, err = conn.Read(make([]byte, 1))
	}
	var slow net.Error
	require.False(t, err == nil || errors.As(err, &slow) && slow.Timeout(), "gRPC without a certificate: %v", err)
}
