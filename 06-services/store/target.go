package store

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
)

// A target is what a URL says.
type target struct {
	dialect Dialect
	driver  string // name for sql.Open
	dsn     string // data source name for sql.Open; has the password
	name    string // for errors; has none
	path    string // of SQLite's file
	schema  string // of PostgreSQL; empty: the user's default
}

// parse reads the URL of a database. What is wrong with it is told without showing it: it may have a password anywhere.
func parse(address string) (target, error) {
	switch {
	case strings.HasPrefix(address, "file:"):
		return parseSQLite(address)
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		return parsePostgres(address)
	}
	return target{}, errors.New("the URL of a database begins with file: or postgres://")
}

// parseSQLite adds to the URL of a file what makes SQLite a good database for a service.
//   - journal_mode=WAL: who reads doesn't wait for who writes (https://www.sqlite.org/wal.html).
//   - synchronous=FULL: what was committed survives a loss of power. With NORMAL and WAL it may not
//     (https://www.sqlite.org/pragma.html#pragma_synchronous), and RabbitMQ has got its ack by then.
//   - _txlock=immediate: a transaction takes the right to write when it begins. One that begins as a reader and then writes
//     fails with SQLITE_BUSY if another has written in between, and no timeout helps.
//   - foreign_keys: as PostgreSQL has it.
func parseSQLite(address string) (target, error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(address, "file:"), "?")
	options, err := url.ParseQuery(query)
	if err != nil || path == "" || strings.Contains(path, ":memory:") || options.Get("mode") == "memory" {
		return target{}, errors.New("the URL of a database of SQLite is like file:/folder/order.db")
	}
	if strings.Contains(address, "#") { // SQLite would leave out what follows, and open another file
		return target{}, errors.New("in the URL of a database, # is written %23")
	}
	options["_pragma"] = append(options["_pragma"], fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)")
	options.Set("_txlock", "immediate")
	return target{dialect: SQLite, driver: "sqlite", dsn: "file:" + path + "?" + options.Encode(), name: "file:" + path,
		path: path}, nil
}

// schemaName is what a schema may be called. PostgreSQL would make others lower case here and not there.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func parsePostgres(address string) (target, error) {
	c, err := pgx.ParseConfig(address)
	if err != nil { // err shows parts of it
		return target{}, errors.New("the URL of a database of PostgreSQL is like " +
			"postgres://user:password@host:5432/shop?search_path=order")
	}
	schema := c.RuntimeParams["search_path"]
	if schema != "" && !schemaName.MatchString(schema) {
		return target{}, fmt.Errorf("search_path=%s is not the name of one schema in lower case", schema)
	}
	return target{dialect: Postgres, driver: "pgx", dsn: address, schema: schema,
		name: fmt.Sprintf("postgres://%s/%s?search_path=%s", c.Host, c.Database, schema)}, nil
}
