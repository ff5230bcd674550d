package storetest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const envMortal = "WORKSHOP_STORETEST_MORTAL"

// A test that crashes leaves no PostgreSQL behind, and no folder.
func TestPostgresEndsWithAProcessThatIsKilled(t *testing.T) {
	if os.Getenv(envMortal) != "" {
		address, missing := private()
		_, err := os.Stdout.WriteString("started " + address + " " + missing + "\n")
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
	}
	if _, err := installation(); err != nil {
		t.Skip(err)
	}
	temp, err := filepath.EvalSymlinks(os.TempDir())
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), envMortal+"=1")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var line string
	for lines := bufio.NewScanner(stdout); lines.Scan() && line == ""; {
		if text, ok := strings.CutPrefix(lines.Text(), "started "); ok {
			line = text
		}
	}
	require.Error(t, cmd.Wait(), "it was killed")
	_, rest, ok := strings.Cut(line, "warren-postgres-")
	require.True(t, ok, line)
	number, _, _ := strings.Cut(rest, "&")
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(temp, "warren-postgres-"+number))
		return os.IsNotExist(err)
	}, time.Minute, 10*time.Millisecond)
}

func TestEachHasADatabaseOfItsOwn(t *testing.T) {
	for range 2 {
		Each(t, func(t *testing.T, open Open) {
			_, err := open(t).ExecContext(t.Context(), "CREATE TABLE once (n BIGINT)")
			require.NoError(t, err)
			_, err = open(t).ExecContext(t.Context(), "INSERT INTO once (n) VALUES (1)")
			require.NoError(t, err, "opened once more, it is the same")
		})
	}
}
