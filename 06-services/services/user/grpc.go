package user

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/userpb"
)

// grpcServer is what the other services ask.
type grpcServer struct {
	userpb.UnimplementedUsersServer
	accounts *accounts
}

// GetUser returns a customer, or NOT_FOUND.
func (s *grpcServer) GetUser(ctx context.Context, r *userpb.GetUserRequest) (*userpb.User, error) {
	u, err := s.accounts.profile(ctx, r.GetId())
	switch {
	case errors.Is(err, errUnknown):
		return nil, status.Error(codes.NotFound, "no such user")
	case err != nil:
		s.accounts.log.Error("GetUser", "user", r.GetId(), "error", err)
		return nil, status.Error(codes.Internal, "the user service has a fault")
	}
	return &userpb.User{Id: u.ID, Name: u.Name, Email: u.Email, Interests: u.Interests}, nil
}
