package shipping

import (
	"context"

	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
)

// confirmed puts a parcel into the queue of those that are picked. Those in haste have a queue of their own: in one queue they
// would wait behind the others.
func (s *shipping) confirmed(ctx context.Context, tx *outbox.Tx, m events.Message, p events.OrderConfirmed) error {
	changed, err := change(ctx, tx, p.Order, Confirmed, 0)
	if err != nil || !changed {
		return err
	}
	pick := events.ParcelPick{Order: p.Order}
	for _, item := range p.Items {
		pick.Lines = append(pick.Lines, events.Line{SKU: item.SKU, Quantity: item.Quantity})
	}
	about := events.About{Correlation: p.Order, Cause: m.ID, Now: s.now()}
	if p.Priority {
		return tx.Send(ctx, events.ParcelPickFirst(pick), about)
	}
	return tx.Send(ctx, pick, about)
}

func (s *shipping) cancelled(ctx context.Context, tx *outbox.Tx, _ events.Message, p events.OrderCancelled) error {
	_, err := change(ctx, tx, p.Order, Recalled, 0)
	return err
}

func (s *shipping) refunded(ctx context.Context, tx *outbox.Tx, _ events.Message, p events.OrderRefunded) error {
	_, err := change(ctx, tx, p.Order, Recalled, 0)
	return err
}

// pick begins to pack. When it is done is stored, so that a restart doesn't forget it: see moveParcels.
func (s *shipping) pick(ctx context.Context, tx *outbox.Tx, _ events.Message, p events.ParcelPick) error {
	_, err := change(ctx, tx, p.Order, Picked, s.now().Add(s.step).UnixMilli())
	return err
}

func (s *shipping) pickFirst(ctx context.Context, tx *outbox.Tx, m events.Message, p events.ParcelPickFirst) error {
	return s.pick(ctx, tx, m, events.ParcelPick(p))
}

// moved keeps a step of a parcel's way for the tracking page. Steps come in any order, and before the page knows the parcel.
func (s *shipping) moved(ctx context.Context, tx *outbox.Tx, m events.Message, p events.ParcelMoved) error {
	return insertMove(ctx, tx, p.Order, Move{Number: p.Number, Status: p.Status, At: m.Time})
}
