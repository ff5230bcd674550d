package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// guardScript runs PostgreSQL until its own input ends: that is a pipe which only this process holds open, so PostgreSQL ends
// with it however it ends. QUIT is the signal for an end at once: https://www.postgresql.org/docs/current/server-shutdown.html
const guardScript = `
trap '' HUP
"$@" </dev/null &
read -r _
kill -QUIT $!
wait
rm -rf "$WORKSHOP_POSTGRES_FOLDER"
`

// startLimit is how long a PostgreSQL may take to start, on a busy machine.
const startLimit = 2 * time.Minute

// private starts a PostgreSQL for all tests of this process when the first asks for it, and returns its URL, or what is
// missing. It listens on a socket in a folder of its own and nowhere else. It forgets what a loss of power would make it forget.
func private() (address, missing string) {
	server, err := started()
	if err != nil {
		return "", err.Error()
	}
	return server.address, ""
}

// A cluster is a running PostgreSQL.
type cluster struct {
	address  string
	lifeline io.Closer // the pipe; it ends the server when it is closed, by the garbage collector too
}

var started = sync.OnceValues(start)

func start() (c cluster, err error) {
	programs, err := installation()
	if err != nil {
		return c, err
	}
	attributes, owner, err := unprivileged()
	if err != nil {
		return c, err
	}
	folder, err := os.MkdirTemp("", "warren-postgres-")
	if err != nil {
		return c, err
	}
	data := filepath.Join(folder, "data")
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.SysProcAttr = "/", attributes
		cmd.Env = append(os.Environ(), "LC_ALL=C", "WORKSHOP_POSTGRES_FOLDER="+folder)
		return cmd
	}
	if err := os.Chown(folder, owner, -1); err != nil {
		return c, err
	}
	output, err := run(filepath.Join(programs, "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync",
		"--encoding=UTF8", "--locale=C").CombinedOutput()
	if err != nil {
		_ = os.RemoveAll(folder)
		return c, fmt.Errorf("initdb: %w: %s", err, output)
	}
	guard := run("/bin/sh", "-c", guardScript, "guard", filepath.Join(programs, "postgres"), "-D", data, "-k", folder,
		"-c", "listen_addresses=", "-c", "max_connections=200", "-c", "fsync=off", "-c", "full_page_writes=off")
	lifeline, err := guard.StdinPipe()
	if err != nil {
		return c, err
	}
	if err := guard.Start(); err != nil {
		return c, err
	}
	c = cluster{"postgres:///postgres?" + url.Values{"host": {folder}, "user": {"postgres"}}.Encode(), lifeline}
	return c, ready(c.address)
}

// ready waits until the server answers.
func ready(address string) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not start: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// installation finds the newest PostgreSQL: where Debian and Red Hat have them, or on the PATH.
func installation() (folder string, err error) {
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb"} {
		found, err := filepath.Glob(pattern)
		if err == nil && len(found) > 0 {
			slices.Sort(found) // from 10 to 99 by number, too
			return filepath.Dir(found[len(found)-1]), nil
		}
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("its program initdb is neither below /usr/lib/postgresql nor on the PATH")
	}
	return filepath.Dir(path), nil
}

// unprivileged returns how to start a program in a process group of its own, where Ctrl-C doesn't reach it, and as whom: this
// process's user, or postgres or nobody if that is root, as PostgreSQL refuses to run as root.
func unprivileged() (attributes *syscall.SysProcAttr, owner int, err error) {
	attributes = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attributes, os.Geteuid(), nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			return attributes, int(uid), nil
		}
	}
	return nil, 0, errors.New("it doesn't run as root, and there is no user postgres or nobody")
}
