package minirabbit

import (
	"errors"
	"fmt"
)

// errClosed is what a server says that was closed for good.
var errClosed = errors.New("minirabbit: the broker is closed")

// Stop ends the broker in good order, as rabbitmqctl stop does: clients are told by connection.close 320, and the address is
// free. What RabbitMQ would keep is there again after Restart. Stopping what doesn't run does nothing.
func (s *Server) Stop() {
	s.end("stopped", s.shutDown)
}

func (s *Server) shutDown() {
	goesOn := s.cluster.leave(s)
	s.amqp.Close("broker forced connection closure with reason 'shutdown'")
	if !goesOn {
		s.broker.Crash()
	}
}

// Kill ends the broker at once, as a power cut does: sockets close without a word. What RabbitMQ would keep is there again
// after Restart; as there, all messages of classic queues are marked as redelivered then. Killing what doesn't run does nothing.
func (s *Server) Kill() {
	s.end("killed", func() {
		if !s.cluster.leave(s) {
			s.broker.Kill() // first, so that nothing sees connections go one by one
		}
		s.amqp.Kill()
	})
}

func (s *Server) end(what string, how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(what, how)
}

func (s *Server) endLocked(what string, how func()) {
	if !s.running {
		return
	}
	s.running = false
	s.closeDoors()
	how()
	s.note(what, "")
}

// Restart lets the broker run again, at the same addresses, with the data that RabbitMQ would have kept. A broker that runs is
// stopped first, as by Stop. A broker that was paused is no longer. It fails if somebody else took an address meanwhile, or if
// the broker was closed.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked("stopped", s.shutDown)
	if s.closed {
		return errClosed
	}
	s.broker.Recover()
	s.amqp.Reopen()
	if err := s.openDoors(); err != nil {
		s.amqp.Kill() // those who came in by the first door while the second did not open
		if !s.cluster.leave(s) {
			s.broker.Crash()
		}
		return err
	}
	s.running = true
	s.cluster.enter(s)
	s.note("started", "again")
	return nil
}

// Pause makes the broker hang, as SIGSTOP does a process: nothing is read and nothing is answered, but connections stay, and
// new ones can be made that get no answer either. Resume ends it.
func (s *Server) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hang(true)
	if s.management != nil {
		s.management.gate.shut()
	}
	s.note("paused", "")
}

// hang makes the AMQP port hang, or lets it go on: in a cluster if nothing else is in the way.
func (s *Server) hang(on bool) {
	if s.cluster == nil {
		s.amqp.Pause(on)
		return
	}
	s.cluster.change(s, func(m *member) { m.paused = on && m.up })
}

// Resume ends Pause. Nothing was lost.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hang(false)
	if s.management != nil {
		s.management.gate.open()
	}
	s.note("resumed", "")
}

// RefuseConnections closes the AMQP port, so that connecting fails as if the broker was not there, or opens it again.
// Connections that are open stay. It fails, when it opens, if somebody else took the port meanwhile.
func (s *Server) RefuseConnections(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = on
	if !s.running {
		return nil
	}
	if !on {
		return s.openDoors()
	}
	s.door.close()
	s.door = nil
	return nil
}

// Close stops the broker for good. With WithFolder all is on disk then, and the folder is free; the error says if it is not.
// A second Close does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.endLocked("stopped", s.shutDown)
	s.closed = true
	if s.cluster.close(s) {
		return nil
	}
	err := s.storage.close()
	s.broker.Close()
	if err != nil {
		return fmt.Errorf("minirabbit: close %s: %w", s.options.folder, err)
	}
	return nil
}
