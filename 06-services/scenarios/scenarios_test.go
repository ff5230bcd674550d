package scenarios_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"github.com/stretchr/testify/require"

	system "warren.example/06-services"
	"warren.example/06-services/scenarios"
	"warren.example/06-services/shop"
	"warren.example/06-services/store/storetest"
	"warren.example/workshop/lab"
	"warren.example/workshop/minirabbit"
)

func TestOneProcess(t *testing.T) {
	t.Run("with minirabbit inside, and SQLite", func(t *testing.T) {
		scenarios.Run(t, oneProcess(scenarios.Surroundings{}))
	})
	t.Run("with minirabbit, and SQLite", func(t *testing.T) {
		scenarios.Run(t, oneProcess(breakable(t)))
	})
	t.Run("with the lab's broker, and PostgreSQL", func(t *testing.T) {
		scenarios.Run(t, oneProcess(scenarios.Surroundings{AMQP: lab.New(t).URL, Database: postgres(t)}))
	})
}

func TestProcesses(t *testing.T) {
	command := scenarios.Build(t, "warren.example/06-services/cmd/shop")
	t.Run("with minirabbit, and SQLite", func(t *testing.T) {
		scenarios.Run(t, scenarios.Processes(command, system.Services(), breakable(t)))
	})
	t.Run("with minirabbit, and PostgreSQL", func(t *testing.T) {
		in := breakable(t)
		in.Database = postgres(t)
		scenarios.Run(t, scenarios.Processes(command, system.Services(), in))
	})
}

func oneProcess(in scenarios.Surroundings) scenarios.Start {
	return scenarios.OneProcess(system.Services(), shop.Parts{}, shop.Hooks{}, in)
}

// breakable has a broker that the test may kill.
func breakable(t *testing.T) scenarios.Surroundings {
	b := minirabbit.Run(t)
	return scenarios.Surroundings{AMQP: b.URL(), Broker: b}
}

// postgres makes a database of its own for the test, since the services' schemas have their names in it.
func postgres(t *testing.T) string {
	server, err := url.Parse(storetest.Postgres(t))
	require.NoError(t, err)
	query := server.Query()
	query.Del("search_path")
	server.RawQuery = query.Encode()
	db, err := sql.Open("pgx", server.String())
	require.NoError(t, err)
	name := "shop_" + strings.ToLower(rand.Text()[:12])
	_, err = db.ExecContext(t.Context(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	server.Path = "/" + name
	return server.String()
}
