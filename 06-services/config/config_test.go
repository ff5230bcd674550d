package config_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/config"
)

func TestDefaultsDo(t *testing.T) {
	c, err := config.Read(nil)
	require.NoError(t, err)
	require.Equal(t, 5*time.Second, c.Reserve.Wait)
	require.Equal(t, []time.Duration{time.Second, 10 * time.Second, time.Minute}, c.Retry)
	require.True(t, c.Samples)
	for _, s := range config.Settings(c) {
		require.NotEmpty(t, s.Name)
		require.NotEmpty(t, s.Help, s.Name)
	}
}

func TestReadTakesWhatIsSet(t *testing.T) {
	c, err := config.Read(map[string]string{
		"WORKSHOP_AMQP_URL": "amqp://a:b@one:5672/,amqp://a:b@two:5672/",
		"SHOP_CHARGE_WAIT":  "200ms",
		"SHOP_UNDO_ASKS":    "2",
		"SHOP_ADDRESSES":    "order=127.0.0.1:7001/7002,user=127.0.0.1:7003/7004",
		"SHOP_LOG_LEVEL":    "",
	})
	require.NoError(t, err)
	require.Equal(t, []string{"amqp://a:b@one:5672/", "amqp://a:b@two:5672/"}, c.AMQP)
	require.Equal(t, 200*time.Millisecond, c.Charge.Wait)
	require.Equal(t, 2, c.Undo.Asks)
	require.Equal(t, 1, c.Charge.Asks)
	require.Equal(t, "127.0.0.1:7001/7002", c.Addresses["order"])
	require.Equal(t, "info", c.LogLevel, "an empty variable is none")
}

func TestReadNamesAllThatIsWrong(t *testing.T) {
	_, err := config.Read(map[string]string{
		"SHOP_CHARGE_WAIT":  "soon",
		"SHOP_UNDO_ASKS":    "-1",
		"SHOP_RETRY":        "1s,-2s",
		"SHOP_DISCOVERY":    "magic",
		"SHOP_SAMPLES":      "perhaps",
		"DATABASE_URL":      "post gres://shop:secret@host/shop",
		"SHOP_TLS_CERT":     "/nowhere/cert.pem",
		"WORKSHOP_AMQP_URL": "localhost",
	})
	require.Error(t, err)
	for _, text := range []string{
		`SHOP_CHARGE_WAIT="soon" won't do: it takes a duration such as 500ms, 3s or 2m`,
		`SHOP_UNDO_ASKS="-1" won't do: it takes 0 or more`,
		`SHOP_RETRY="1s,-2s" won't do: it takes more than 0`,
		`SHOP_DISCOVERY="magic" won't do: it takes one of static, dns`,
		`SHOP_SAMPLES="perhaps" won't do: it takes true or false`,
		`DATABASE_URL="***" won't do: it takes a URL`,
		`SHOP_TLS_CERT="/nowhere/cert.pem" won't do: it takes the path of a file that is there`,
		`SHOP_TLS_KEY="" won't do: it takes a file, since there is a certificate`,
		`WORKSHOP_AMQP_URL="localhost" won't do: it takes a URL`,
	} {
		require.ErrorContains(t, err, text)
	}
	require.NotContains(t, err.Error(), "secret")
}

func TestSettingsKeepSecrets(t *testing.T) {
	c, err := config.Read(map[string]string{
		"WORKSHOP_AMQP_URL":   "amqp://shop:secret@one:5672/",
		"DATABASE_URL":        "postgres://shop:secret@host/shop",
		"SHOP_ADMIN_PASSWORD": "secret-secret",
	})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprint(config.Settings(c)), "secret")
	require.Equal(t, "secret-secret", c.Admin.Password)
}
