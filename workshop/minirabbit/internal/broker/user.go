package broker

import (
	"crypto/subtle"
	"maps"
	"net"
	"slices"
	"strings"
)

// User is somebody who may log in.
type User struct {
	Name     string
	Password string
	Tags     []string // "administrator", "monitoring", "management", "impersonator"…
}

// Login returns the user if the password is right and the user may come from address, "127.0.0.1:51234" or "127.0.0.1":
// guest only from the machine itself (rabbitmq.com/docs/access-control#loopback-users). Nobody can log in between Crash and
// Recover.
func (b *Broker) Login(name, password, address string) (User, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, ok := b.users[name]
	right := subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1 // its time tells nothing of the password
	if !ok || b.down || password == "" || !right || (name == "guest" && !loopback(address)) {
		return User{}, false
	}
	return u, true
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// PutUser makes or replaces a user. Permissions stay.
func (b *Broker) PutUser(u User) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.putUser(u)
}

func (b *Broker) putUser(u User) {
	u.Tags = slices.Clone(u.Tags)
	b.users[u.Name] = u
	b.append(&Record{Kind: UserPut, User: u})
}

// DeleteUser removes a user and the user's permissions. The user's connections are closed with 320, as RabbitMQ does. It
// returns false if there is none.
func (b *Broker) DeleteUser(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.users[name]; !ok {
		return false
	}
	b.forgetUser(name)
	b.append(&Record{Kind: UserDeleted, User: User{Name: name}})
	for _, c := range b.connections {
		if c.User.Name == name {
			c.end("user '" + name + "' is deleted")
		}
	}
	return true
}

func (b *Broker) forgetUser(name string) {
	delete(b.users, name)
	for k, g := range b.grants {
		if k.user == name {
			g.withdraw()
			delete(b.grants, k)
		}
	}
}

// User returns the user called name.
func (b *Broker) User(name string) (User, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, ok := b.users[name]
	return u, ok
}

// Users returns all users, sorted by name.
func (b *Broker) Users() []User {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.users), func(x, y User) int { return strings.Compare(x.Name, y.Name) })
}
