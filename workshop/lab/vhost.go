package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"warren.example/workshop/management"
)

const (
	vhostPrefix = "warren-lab"
	vhostAge    = time.Hour   // a virtual host older than this is left over, whoever made it
	apiTimeout  = time.Minute // for making or deleting one; a broker that is busy takes seconds
	vhostTries  = 3           // a cluster that has just formed may fail to start one on all its nodes
)

// sweepOnce sees to it that a test binary sweeps once.
var sweepOnce sync.Once

// openVHost makes the test's virtual host and the addresses that lead to it. On a shared broker it sees to its end; a
// broker of the test's own is emptied when it is given back, and may be dead by then.
func (l *Lab) openVHost(shared bool) {
	l.t.Helper()
	info := l.Nodes[0].Info()
	client, err := management.New(info.Management)
	if err != nil {
		fatal(l.t, fmt.Sprintf("lab: make a virtual host: %v", err))
	}
	l.management = client
	ctx, cancel := context.WithTimeout(context.Background(), apiTimeout)
	defer cancel()
	sweepOnce.Do(func() { sweep(ctx, client, time.Now()) })

	if shared {
		l.t.Cleanup(l.deleteVHost)
	}
	for try := 1; ; try++ {
		err := l.makeVHost(info.AMQP)
		if err == nil {
			break
		}
		if try == vhostTries || !brokerFailed(err) {
			fatal(l.t, fmt.Sprintf("lab: make a virtual host: %v", err))
		}
		l.t.Logf("lab: make a virtual host: %v; trying another", err)
		l.deleteVHost()
	}
	l.direct = &direct{limit: l.Patience(brokerDeadline)}
	for _, n := range l.Nodes {
		inside, _, err := into(n.Info().AMQP, l.VHost)
		if err != nil {
			fatal(l.t, fmt.Sprintf("lab: the address of a node: %v", err))
		}
		l.direct.urls = append(l.direct.urls, inside)
	}
}

// makeVHost makes a virtual host with a new name on the broker at address.
func (l *Lab) makeVHost(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), apiTimeout)
	defer cancel()
	l.VHost = vhostName(l.id, time.Now())
	inside, user, err := into(address, l.VHost)
	if err != nil {
		return err
	}
	l.DirectURL = inside
	if err := l.management.PutVHost(ctx, l.VHost); err != nil {
		return err
	}
	return l.management.PutPermissions(ctx, l.VHost, user, management.AllPermissions)
}

// brokerFailed reports whether the broker says that something went wrong inside of it (500), not with the request.
func brokerFailed(err error) bool {
	var answer *management.Error
	return errors.As(err, &answer) && answer.Status == http.StatusInternalServerError
}

// deleteVHost leaves nothing behind. What it fails to delete, the next sweep takes.
func (l *Lab) deleteVHost() {
	ctx, cancel := context.WithTimeout(context.Background(), apiTimeout)
	defer cancel()
	if err := l.management.DeleteVHost(ctx, l.VHost); err != nil {
		l.t.Logf("lab: delete the virtual host: %v", err)
	}
}

// into returns the AMQP URL of a virtual host on the broker at address, and the user in it.
func into(address, vhost string) (string, string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", fmt.Errorf("the broker's address: %w", err)
	}
	u.Path, u.RawPath = "/"+vhost, "/"+url.PathEscape(vhost)
	user := u.User.Username()
	if user == "" {
		user = "guest"
	}
	return u.String(), user, nil
}

// vhostName says who made a virtual host, and when: warren-lab-<host>-<pid>-<unix time>-<number>.
func vhostName(id string, now time.Time) string {
	return fmt.Sprintf("%s-%s-%d-%d-%s", vhostPrefix, host(), os.Getpid(), now.Unix(), id)
}

// host names this machine: only here can a process be asked for by its number.
var host = sync.OnceValue(func() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "unknown"
	}
	return name
})

// sweep deletes what crashed runs left: virtual hosts of this machine whose process is gone, and any that are old. It
// is a courtesy: what fails now is done by the next run.
func sweep(ctx context.Context, client *management.Client, now time.Time) {
	all, err := client.VHosts(ctx)
	if err != nil {
		return
	}
	for _, vhost := range all {
		if isLeftover(vhost.Name, now) {
			_ = client.DeleteVHost(ctx, vhost.Name)
		}
	}
}

// isLeftover tells whether nobody can want the virtual host any more.
func isLeftover(name string, now time.Time) bool {
	rest, ours := strings.CutPrefix(name, vhostPrefix+"-")
	fields := strings.Split(rest, "-") // the host's name may have hyphens too
	if !ours || len(fields) < 4 {
		return false
	}
	n := len(fields)
	pid, errPID := strconv.Atoi(fields[n-3])
	made, errMade := strconv.ParseInt(fields[n-2], 10, 64)
	if errPID != nil || errMade != nil {
		return false
	}
	if now.Sub(time.Unix(made, 0)) > vhostAge {
		return true
	}
	return strings.Join(fields[:n-3], "-") == host() && !isAlive(pid)
}
