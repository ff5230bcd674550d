package lab

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOnlyLeftoversAreSwept(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	const nobody = 1 << 30 // above every system's largest process number
	name := func(host string, pid int, age time.Duration) string {
		return fmt.Sprintf("warren-lab-%s-%d-%d-7", host, pid, now.Add(-age).Unix())
	}
	for what, c := range map[string]struct {
		name string
		want bool
	}{
		"of a process that runs":                {vhostName("7", now), false},
		"of a process that is gone":             {name(host(), nobody, time.Minute), true},
		"of a process elsewhere":                {name("some-where", nobody, time.Minute), false},
		"old, whoever made it":                  {name("some-where", nobody, 2*time.Hour), true},
		"old, of a process that runs":           {name(host(), os.Getpid(), 2*time.Hour), true},
		"somebody's who also likes the word":    {"warren-lab-production", false},
		"somebody's with numbers":               {"warren-lab-a-b-c-1", false},
		"another's":                             {"/", false},
		"another's that begins in the same way": {"warren-labour-1-1-1-1", false},
	} {
		require.Equal(t, c.want, isLeftover(c.name, now), "%s: %s", what, c.name)
	}
}

func TestASweepTakesLeftoversAndNothingElse(t *testing.T) {
	t.Parallel()
	var gone string
	t.Run("a test", func(t *testing.T) { gone = New(t).VHost })
	l := New(t)
	leftover := fmt.Sprintf("%s-%s-%d-%d-%s", vhostPrefix, host(), 1<<30, time.Now().Unix(), l.id)
	require.NoError(t, l.management.PutVHost(t.Context(), leftover))
	sweep(t.Context(), l.management, time.Now())
	all, err := l.management.VHosts(t.Context())
	require.NoError(t, err)
	var names []string
	for _, vhost := range all {
		names = append(names, vhost.Name)
	}
	require.NotContains(t, names, leftover)
	require.NotContains(t, names, gone, "the test's end deletes its own")
	require.Contains(t, names, l.VHost)
}

func TestTheAddressLeadsIntoTheVirtualHost(t *testing.T) {
	t.Parallel()
	address, user, err := into("amqp://me:secret@127.0.0.1:5672/", "a/b c")
	require.NoError(t, err)
	require.Equal(t, "amqp://me:secret@127.0.0.1:5672/a%2Fb%20c", address)
	require.Equal(t, "me", user)
}
