// Package config has every setting of the shop, with its default, in one place. `shop settings` prints them.
package config

import "time"

// A Config is all settings. Each is an environment variable: the tags have its name, its default, which values will do, and
// what it is good for. What is kept where, and with whom to talk:
type Config struct {
	Folder   string `env:"SHOP_FOLDER" help:"for SQLite's and minirabbit's files; empty: in the workshop's own folder"`
	Database string `env:"DATABASE_URL" validate:"omitempty,uri" help:"PostgreSQL, a schema per service; empty: SQLite"`
	RedisURL string `env:"REDIS_URL" validate:"omitempty,uri" help:"where the catalog caches; empty: in the process"`
	Provider string `env:"SHOP_PROVIDER_URL" validate:"omitempty,uri" help:"takes the money; empty: simulated, in payment"`

	AMQP       []string `env:"WORKSHOP_AMQP_URL" validate:"dive,uri" help:"RabbitMQ's nodes, with commas; empty: minirabbit"`
	AMQPCA     string   `env:"SHOP_AMQP_CA" validate:"omitempty,file" help:"for amqps: the CA of RabbitMQ's certificate"`
	Management string   `env:"SHOP_MANAGEMENT_URL" validate:"omitempty,uri" help:"to make a RabbitMQ user for each service"`

	Admin        Admin `envPrefix:"SHOP_ADMIN_" help:"the administrator"`
	PasswordCost int   `env:"SHOP_PASSWORD_COST" envDefault:"10" validate:"min=4,max=31" help:"bcrypt's, for customers' passwords"`
	Samples      bool  `env:"SHOP_SAMPLES" envDefault:"true" help:"gives a new shop products, stock and a customer"`

	TokenLife time.Duration `env:"SHOP_TOKEN_LIFE" envDefault:"15m" validate:"gt=0" help:"how long a customer's token is good"`
	Parcel    time.Duration `env:"SHOP_PARCEL" envDefault:"1s" validate:"gt=0" help:"how long each step of a parcel takes"`

	Reserve   Patience        `envPrefix:"SHOP_RESERVE_" help:"order waits for inventory"`
	Charge    Patience        `envPrefix:"SHOP_CHARGE_" help:"order waits for payment"`
	Undo      Patience        `envPrefix:"SHOP_UNDO_" help:"order waits for void, release, commit …"`
	Retry     []time.Duration `env:"SHOP_RETRY" envDefault:"1s,10s,60s" validate:"dive,gt=0" help:"a failed message's pauses"`
	Confirm   time.Duration   `env:"SHOP_CONFIRM" envDefault:"15s" validate:"gt=0" help:"RabbitMQ's time to confirm messages"`
	OutboxAge time.Duration   `env:"SHOP_OUTBOX_AGE" envDefault:"30s" validate:"gt=0" help:"unsent for longer: no orders"`

	Network // how the services find each other, and customers the gateway

	LogFormat string `env:"SHOP_LOG_FORMAT" envDefault:"text" validate:"oneof=text json" help:"how logs are written"`
	LogLevel  string `env:"SHOP_LOG_LEVEL" envDefault:"info" validate:"oneof=debug info warn error" help:"the least to log"`
}

// A Network says how the services find each other.
type Network struct {
	Gateway   Gateway           `envPrefix:"SHOP_GATEWAY_" help:"gateway"`
	Discovery string            `env:"SHOP_DISCOVERY" envDefault:"static" validate:"oneof=static dns" help:"finds services"`
	Addresses map[string]string `env:"SHOP_ADDRESSES" envKeyValSeparator:"=" help:"static: order=host:8080/9090,user=…"`
	HTTP      string            `env:"SHOP_HTTP" envDefault:"0.0.0.0:8080" validate:"address" help:"dns: each HTTP"`
	GRPC      string            `env:"SHOP_GRPC" envDefault:"0.0.0.0:9090" validate:"address" help:"dns: each gRPC"`
	TLS       TLS               `envPrefix:"SHOP_TLS_" help:"between services"`
}

// A TLS names the files of a certificate.
type TLS struct {
	Cert string `env:"CERT" validate:"omitempty,file" help:"certificate; empty: no TLS"`
	Key  string `env:"KEY" validate:"required_with=Cert,omitempty,file" help:"its key"`
	CA   string `env:"CA" validate:"required_with=Cert,omitempty,file" help:"its CA; who calls needs a certificate of it too"`
}

// A Gateway says how customers are served.
type Gateway struct {
	Listen  string        `env:"LISTEN" validate:"omitempty,address" help:"its address; empty: port 8080, or near"`
	Rate    float64       `env:"RATE" envDefault:"20" validate:"gt=0" help:"a customer's requests a second"`
	Burst   int           `env:"BURST" envDefault:"40" validate:"gt=0" help:"a customer's requests at once"`
	Proxies int           `env:"PROXIES" envDefault:"0" validate:"gte=0" help:"trusted proxies in front"`
	Wait    time.Duration `env:"WAIT" envDefault:"5s" validate:"gt=0" help:"for one request"`
	TLSCert string        `env:"TLS_CERT" validate:"omitempty,file" help:"certificate for customers; empty: plain HTTP"`
	TLSKey  string        `env:"TLS_KEY" validate:"required_with=TLSCert,omitempty,file" help:"its key"`
}

// An Admin is who may change products and stock.
type Admin struct {
	Email    string `env:"EMAIL" envDefault:"admin@shop.example" validate:"email" help:"address"`
	Password string `env:"PASSWORD" validate:"omitempty,min=8" help:"password; empty: made up, and kept in the folder"`
}

// A Patience says how long to wait for an answer and how often to ask.
type Patience struct {
	Wait time.Duration `env:"WAIT" validate:"gt=0" help:"for each answer"`
	Asks int           `env:"ASKS" validate:"gte=0" help:"how often, before something else is done; 0 is for ever"`
}

// patient are the defaults that tags can't have, since one type serves three settings.
func patient() Config {
	return Config{
		Reserve: Patience{Wait: 5 * time.Second, Asks: 3},
		Charge:  Patience{Wait: 10 * time.Second, Asks: 1},
		Undo:    Patience{Wait: 5 * time.Second, Asks: 5},
	}
}
