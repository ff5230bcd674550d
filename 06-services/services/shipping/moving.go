package shipping

import (
	"context"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
)

// moveParcels moves parcels when they are due, until ctx ends. It looks as often as a step takes, once a second at least.
func (s *shipping) moveParcels(ctx context.Context) error {
	ticker := time.NewTicker(min(max(s.step, 10*time.Millisecond), time.Second))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for more := true; more; {
			var err error
			if more, err = s.moveDue(ctx); ctx.Err() != nil {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
}

// group is how many parcels move in one transaction.
const group = 100

// moveDue makes steps that are due, with their messages, in one transaction. It tells whether there may be more. Two instances
// may do so at once.
func (s *shipping) moveDue(ctx context.Context) (more bool, err error) {
	err = s.box.Do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		steps, err := dueSteps(ctx, tx, s.now(), group)
		if err != nil {
			return err
		}
		more = len(steps) == group
		for _, next := range steps {
			if err := s.move(ctx, tx, next); err != nil {
				return err
			}
		}
		return nil
	})
	return more, err
}

func (s *shipping) move(ctx context.Context, tx *outbox.Tx, next step) error {
	var due int64 // 0: it has arrived
	if next.number < len(way) {
		due = s.now().Add(s.step).UnixMilli()
	}
	taken, err := take(ctx, tx, next, due)
	if err != nil || !taken {
		return err
	}
	moved := events.ParcelMoved{Order: next.order, Number: next.number, Status: way[next.number-1]}
	return tx.Send(ctx, moved, events.About{Correlation: next.order, Version: int64(next.number), Now: s.now()})
}
