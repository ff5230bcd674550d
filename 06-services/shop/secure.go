package shop

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"warren.example/06-services/config"
)

// secured are the settings of TLS. All are nil without it.
type secured struct {
	server    *tls.Config // HTTP: a certificate is asked for, and door demands it but for /health
	grpc      *tls.Config // gRPC: who calls needs a certificate
	client    *tls.Config // for calls to other services
	customers *tls.Config // the gateway's
}

func secure(c config.Network) (s secured, err error) {
	if c.Gateway.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(c.Gateway.TLSCert, c.Gateway.TLSKey)
		if err != nil {
			return s, fmt.Errorf("the gateway's certificate: %w", err)
		}
		s.customers = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	if c.TLS.Cert == "" {
		return s, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
	if err != nil {
		return s, fmt.Errorf("the services' certificate: %w", err)
	}
	pem, err := os.ReadFile(c.TLS.CA)
	if err != nil {
		return s, fmt.Errorf("the services' CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return s, errors.New("the services' CA: no certificate in SHOP_TLS_CA")
	}
	base := tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, ClientCAs: pool, MinVersion: tls.VersionTLS13}
	s.server, s.grpc, s.client = base.Clone(), base.Clone(), base.Clone()
	s.server.ClientAuth = tls.VerifyClientCertIfGiven // what asks for /health may be a probe that has none
	s.grpc.ClientAuth = tls.RequireAndVerifyClientCert
	return s, nil
}
