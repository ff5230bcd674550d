package minirabbit

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"warren.example/workshop/minirabbit/internal/version"
)

// Option changes what Start and Run make. Without any, the broker imitates RabbitMQ 4.0, listens on a free port of
// 127.0.0.1, has the virtual host "/" and the user guest with the password guest, and keeps nothing on disk.
type Option func(*options)

type options struct {
	version         string
	address         string
	management      *string
	folder          string
	tls             *tls.Config
	users           []User
	virtualHosts    []string
	hostility       int64
	consumerTimeout time.Duration
	log             *slog.Logger
}

// User is somebody who may log in.
type User struct {
	Name     string
	Password string
	// Tags give rights in the management API: "administrator", "monitoring", "management". "impersonator" lets the user set
	// any user-id.
	Tags []string
	// Permissions are what the user may do, by virtual host. The hosts are made if there are none. A user without any can't
	// open a connection.
	Permissions map[string]Permissions
}

// Permissions are regular expressions for names of exchanges and queues, as RabbitMQ has them: they may match any part of a
// name, and an empty one allows nothing (rabbitmq.com/docs/access-control).
type Permissions struct {
	Configure, Write, Read string
}

// AllPermissions allow everything.
func AllPermissions() Permissions { return Permissions{Configure: ".*", Write: ".*", Read: ".*"} }

// WithVersion chooses which RabbitMQ is imitated: "4.0", "3.10" or "4.3". It is told in the server properties too.
func WithVersion(v string) Option { return func(o *options) { o.version = v } }

// WithAddress chooses where to listen for AMQP: "127.0.0.1:5672". Port 0, the default, is any free port.
func WithAddress(address string) Option { return func(o *options) { o.address = address } }

// WithManagement serves the management API and its page at address; "" is a free port of 127.0.0.1.
func WithManagement(address string) Option {
	return func(o *options) { o.management = &address }
}

// WithFolder keeps what is durable in a folder, which is made if there is none. A confirm then means that the message is on
// disk, and who starts a broker with the folder, in this process or another, finds it. A folder serves one broker at a time.
func WithFolder(folder string) Option { return func(o *options) { o.folder = folder } }

// WithTLS serves AMQP over TLS only: URL then begins with amqps. The configuration needs a certificate.
func WithTLS(c *tls.Config) Option { return func(o *options) { o.tls = c } }

// WithUser adds a user. It can be given several times. A user named guest replaces the one that is there.
func WithUser(u User) Option { return func(o *options) { o.users = append(o.users, u) } }

// WithVirtualHost adds a virtual host in which guest may do everything. It can be given several times.
func WithVirtualHost(name string) Option {
	return func(o *options) { o.virtualHosts = append(o.virtualHosts, name) }
}

// WithHostility makes the broker as unpleasant as AMQP and RabbitMQ's documentation allow: confirms come out of order and
// many at once, bodies come in small pieces, deliveries still come while a consumer is being cancelled. A client that is right
// doesn't mind. The seed decides about all that chance decides; zero is no hostility.
func WithHostility(seed int64) Option { return func(o *options) { o.hostility = seed } }

// WithConsumerTimeout changes how long a consumer may keep a delivery without answering, from RabbitMQ's 30 minutes. It goes
// by the broker's clock: see Server.Advance. A negative time is for ever.
func WithConsumerTimeout(d time.Duration) Option { return func(o *options) { o.consumerTimeout = d } }

// WithLog writes what Server.Log has to a logger too, as it happens.
func WithLog(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// settle fills in what was not given, and looks at what was.
func (o *options) settle() (version.Version, error) {
	v, err := version.Parse(cmp.Or(o.version, "4.0"))
	if err != nil {
		return version.Version{}, fmt.Errorf("minirabbit: %w", err)
	}
	if o.tls != nil && len(o.tls.Certificates) == 0 && o.tls.GetCertificate == nil && o.tls.GetConfigForClient == nil {
		return version.Version{}, fmt.Errorf("minirabbit: the TLS configuration has no certificate")
	}
	o.address = cmp.Or(o.address, "127.0.0.1:0")
	return v, nil
}

// ParseVersion returns the whole version that WithVersion(text) imitates: "4.0.5" for "4.0" and for "". It fails if text is none
// of those that are imitated.
func ParseVersion(text string) (full string, err error) {
	o := options{version: text}
	v, err := o.settle()
	if err != nil {
		return "", err
	}
	return v.String(), nil
}
