package inventory

import (
	"context"
	"log/slog"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/inventorypb"
	"warren.example/06-services/store"
)

// maxSKUs is how many products one call may ask for.
const maxSKUs = 100

type server struct {
	inventorypb.UnimplementedInventoryServer
	db  *store.DB
	log *slog.Logger
}

// GetStock returns the levels of the products asked for. Unknown ones are left out.
func (s *server) GetStock(ctx context.Context, r *inventorypb.GetStockRequest) (*inventorypb.GetStockResponse, error) {
	if len(r.GetSkus()) > maxSKUs {
		return nil, status.Errorf(codes.InvalidArgument, "at most %d products at once", maxSKUs)
	}
	for _, sku := range r.GetSkus() {
		if checkKey("sku", sku) != nil {
			return nil, status.Error(codes.InvalidArgument, "one of these can't be the SKU of anything")
		}
	}
	found, err := levels(ctx, s.db, r.GetSkus())
	if err != nil {
		s.log.ErrorContext(ctx, "get the stock", "error", err)
		return nil, status.Error(codes.Internal, "")
	}
	answer := &inventorypb.GetStockResponse{}
	for _, l := range found {
		answer.Levels = append(answer.Levels,
			&inventorypb.Level{Sku: l.SKU, Available: int64(l.Available), Reserved: int64(l.Reserved)})
	}
	return answer, nil
}
