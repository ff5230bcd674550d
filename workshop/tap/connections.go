package tap

import "slices"

// Connection is what the tap knows of one connection.
type Connection struct {
	ID       int
	Door     int      // it came in by Addrs()[Door]
	Open     bool     // the client has not ended it, and it was not cut
	VHost    string   // from connection.open
	Name     string   // from the client properties: connection_name
	Channels []uint16 // those that are open, ascending: channel.open-ok came, channel.close-ok did not
}

// Connections returns all connections that there were, by their numbers.
func (t *Tap) Connections() []Connection {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Connection, len(t.conns))
	for i, c := range t.conns {
		all[i] = Connection{ID: c.id, Door: c.door.number, Open: !c.gone, VHost: c.session.vhost, Name: c.session.name}
		if c.gone {
			continue
		}
		for number, ch := range c.channels {
			if ch.open {
				all[i].Channels = append(all[i].Channels, number)
			}
		}
		slices.Sort(all[i].Channels)
	}
	return all
}

// CutAll cuts all connections: what was recorded as forwarded is still handed over, then both sockets are closed, as when
// a process dies. It returns when they are.
func (t *Tap) CutAll() { t.cutAll("cut") }

// Refuse(true) cuts all connections as CutAll does, and from then on the tap closes new ones as soon as they come.
// Refuse(false) lets them in again.
func (t *Tap) Refuse(on bool) {
	t.mu.Lock()
	t.refusing = on
	t.mu.Unlock()
	if on {
		t.cutAll("cut, and new connections are refused")
	}
}

func (t *Tap) cutAll(why string) { t.cutThose(why, func(*conn) bool { return true }) }
