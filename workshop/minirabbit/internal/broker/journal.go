package broker

import (
	"fmt"

	"warren.example/workshop/minirabbit/internal/vhost"
)

// Journal keeps what must outlive the process: the events of all virtual hosts, and those of the broker itself. The package
// journal implements it.
type Journal interface {
	vhost.Journal
	// AppendRecord keeps a change of the broker. It is on its way to the disk when AppendRecord returns.
	AppendRecord(r *Record)
}

// RecordKind says what a Record tells.
type RecordKind uint8

// All kinds, with the fields of Record that they use.
const (
	HostPut            RecordKind = iota + 1 // Host
	HostDeleted                              // Host, with all events of it and the permissions in it
	UserPut                                  // User
	UserDeleted                              // User.Name, with the user's permissions
	PermissionsPut                           // Host, User.Name, Permissions
	PermissionsDeleted                       // Host, User.Name
	Opened                                   // a broker goes on with what there is
	Closed                                   // it has ended in good order
)

// Record is one change of what the broker knows beside the contents of its virtual hosts.
type Record struct {
	Kind        RecordKind
	Host        string
	User        User
	Permissions Permissions
}

// append tells the journal, if there is one.
func (b *Broker) append(r *Record) {
	if b.journal != nil {
		b.journal.AppendRecord(r)
	}
}

// Restore puts back what a record tells. It is for a broker that began empty, before UseJournal.
func (b *Broker) Restore(r *Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch r.Kind {
	case HostPut:
		b.putHost(r.Host)
	case HostDeleted:
		b.forgetHost(r.Host)
	case UserPut:
		b.putUser(r.User)
	case UserDeleted:
		b.forgetUser(r.User.Name)
	case PermissionsPut:
		return b.putPermissions(r.Host, r.User.Name, r.Permissions)
	case PermissionsDeleted:
		delete(b.grants, grantKey{r.Host, r.User.Name})
	case Opened, Closed:
		b.closed = r.Kind == Closed
	default:
		return fmt.Errorf("restore: record of unknown kind %d", r.Kind)
	}
	return nil
}

// RestoreEvent puts back what an event of a virtual host tells: see vhost.Host.Restore.
func (b *Broker) RestoreEvent(e *vhost.Event) error {
	h, ok := b.Host(e.Host)
	if !ok {
		return fmt.Errorf("restore: event of virtual host %q, which is not there", e.Host)
	}
	return h.Restore(e)
}

// UseJournal ends what Restore and RestoreEvent began: from now on the journal is told what changes. With fresh, nothing was
// restored, and the broker is made what New makes of one that is not Empty; of that the journal is told. If the last broker did not
// say EndJournal, it was killed: see Kill.
//
//	b := broker.New(broker.Options{Empty: true})
//	j, err := journal.Open(journal.Options{Folder: folder, Replay: b})
//	err = b.UseJournal(j, j.Fresh())
//	j.Start(b)
func (b *Broker) UseJournal(j Journal, fresh bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal = j
	for name, h := range b.hosts {
		if err := h.UseJournal(j); err != nil {
			return fmt.Errorf("virtual host %q: %w", name, err)
		}
	}
	if fresh {
		b.install()
	} else if !b.closed {
		b.doubt()
	}
	b.append(&Record{Kind: Opened})
	return nil
}

// EndJournal tells the journal that the broker ends in good order. It is for after Crash; nothing may happen any more.
func (b *Broker) EndJournal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.append(&Record{Kind: Closed})
}

// Safe tells all virtual hosts that the journal has everything up to n on disk: see vhost.Host.Safe.
func (b *Broker) Safe(n uint64) {
	for _, h := range b.allHosts() {
		h.Safe(n)
	}
}

// Failed tells that the journal can write no more: from now on persistent messages are refused with basic.nack, and publishers
// are blocked as with RabbitMQ's disk alarm.
func (b *Broker) Failed(error) {
	b.mu.Lock()
	b.failed = true
	b.mu.Unlock()
	for _, h := range b.allHosts() {
		h.Failed()
	}
	b.SetAlarm("disk")
}

func (b *Broker) allHosts() []*vhost.Host {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*vhost.Host, 0, len(b.hosts))
	for _, h := range b.hosts {
		all = append(all, h)
	}
	return all
}
