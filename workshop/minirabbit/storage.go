package minirabbit

import (
	"fmt"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/journal"
)

// storage is the journal in the folder. Without a folder it does nothing.
type storage struct {
	broker  *broker.Broker
	journal *journal.Journal
}

// open fills the broker, which must be empty, with what is in the folder, and keeps there what happens from now on.
func (s *storage) open(folder string, b *broker.Broker) error {
	if folder == "" {
		return nil
	}
	j, err := journal.Open(journal.Options{Folder: folder, Replay: b})
	if err != nil {
		return fmt.Errorf("minirabbit: %w", err)
	}
	if err := b.UseJournal(j, j.Fresh()); err != nil {
		_ = j.Close() // what is wrong is in the folder already
		return fmt.Errorf("minirabbit: folder %s: %w", folder, err)
	}
	j.Start(b)
	s.broker, s.journal = b, j
	return nil
}

// close says that the broker ended in good order, brings everything to the disk and frees the folder. A second one does nothing.
func (s *storage) close() error {
	if s.journal == nil {
		return nil
	}
	s.broker.EndJournal()
	return s.journal.Close()
}
