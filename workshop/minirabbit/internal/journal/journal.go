package journal

import (
	"fmt"
	"sync"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/journal/record"
	"warren.example/workshop/minirabbit/internal/journal/wal"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/vhost"
)

// Replay is what gets back what a journal has. Its methods are called in the order in which things happened, and what no
// longer matters may be missing. *broker.Broker is one.
type Replay interface {
	Restore(r *broker.Record) error
	RestoreEvent(e *vhost.Event) error
}

// Sink is told from what number on events are safe, and that nothing is any more. *broker.Broker is one.
type Sink = wal.Sink

// Options are what Open needs.
type Options struct {
	Folder string
	Replay Replay
	// SegmentBytes is the size at which a file of the journal is full. Zero: 16 MiB.
	SegmentBytes int64
	// Create makes a new file to write. Nil: as os.OpenFile does. Tests put disks here that fail.
	Create func(path string) (wal.File, error)
}

// Journal is a broker's journal in a folder. It implements broker.Journal. Safe for several goroutines.
type Journal struct {
	log *wal.Log

	mu      sync.Mutex       // guards what follows, and the order of records
	message *message.Message // of the last message record
	scratch []byte
}

var _ broker.Journal = (*Journal)(nil)

// Open opens the folder, makes it if need be, and replays what is in it. It fails if another process has the folder
// (wal.ErrLocked), if a file is damaged or its contents make no sense (*wal.CorruptError, with file and offset), or if the
// folder cannot be read and written. What a killed process left half written is cut off.
func Open(o Options) (*Journal, error) {
	replay := replaying{replay: o.Replay, hosts: make(map[string]bool)}
	log, err := wal.Open(o.Folder, wal.Options{
		SegmentBytes: o.SegmentBytes,
		NewFold:      func() wal.Fold { return record.NewFold() },
		Create:       o.Create,
	}, replay.record)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return &Journal{log: log}, nil
}

// replaying gives what is read to a broker.
type replaying struct {
	decoder record.Decoder
	replay  Replay
	hosts   map[string]bool // those there are
}

func (r *replaying) record(payload []byte) error {
	event, change, err := r.decoder.Decode(payload)
	switch {
	case err != nil:
		return err
	case change != nil:
		switch change.Kind {
		case broker.HostPut:
			r.hosts[change.Host] = true
		case broker.HostDeleted:
			delete(r.hosts, change.Host)
		}
		return r.replay.Restore(change)
	case event != nil && r.hosts[event.Host]: // what a host did while it was being deleted is passed over
		return r.replay.RestoreEvent(event)
	}
	return nil
}

// Fresh tells whether the folder had no journal before.
func (j *Journal) Fresh() bool { return j.log.Fresh() }

// Start begins to tell s what is safe. It is called once.
func (j *Journal) Start(s Sink) { j.log.Start(s) }

// Append puts an event into the journal: see vhost.Journal. If the disk is much too slow, it waits for it.
func (j *Journal) Append(e *vhost.Event) uint64 {
	j.mu.Lock()
	n := j.append(e)
	j.mu.Unlock()
	if isThing(e.Kind) {
		j.log.Write()
	}
	return n
}

func (j *Journal) append(e *vhost.Event) uint64 {
	if e.Kind == vhost.Stored && e.Message != j.message {
		j.add(record.AppendMessage(j.scratch[:0], e.Message))
		j.message = e.Message
	}
	return j.add(record.AppendEvent(j.scratch[:0], e))
}

// add appends a record, unless it has no contents.
func (j *Journal) add(data []byte, err error) uint64 {
	if err != nil {
		// Nothing that came over the wire gets here. It must not be said to be safe.
		j.log.Fail(fmt.Errorf("journal: %w", err))
	}
	const kept = 64 << 10 // what one large message took is given back
	if cap(data) <= kept {
		j.scratch = data
	}
	if len(data) == 0 {
		return j.log.Appended()
	}
	return j.log.Append(data)
}

// isThing tells whether an event is about something else than a message.
func isThing(k vhost.EventKind) bool {
	switch k {
	case vhost.ExchangeDeclared, vhost.ExchangeDeleted, vhost.Bound, vhost.Unbound, vhost.QueueDeclared, vhost.QueueDeleted:
		return true
	}
	return false
}

// AppendRecord keeps a change of the broker. It survives the process when AppendRecord returns.
func (j *Journal) AppendRecord(r *broker.Record) {
	j.mu.Lock()
	j.add(record.AppendRecord(j.scratch[:0], r))
	j.mu.Unlock()
	j.log.Write()
}

// Flush says that somebody waits for event n: see vhost.Journal.
func (j *Journal) Flush(n uint64) { j.log.Flush(n) }

// Close brings everything to the disk and frees the folder. The error says what was not brought to the disk and why.
func (j *Journal) Close() error {
	if err := j.log.Close(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}
