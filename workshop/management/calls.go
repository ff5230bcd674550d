package management

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Overview asks who answers. It is the call to find out whether address and password are right.
func (c *Client) Overview(ctx context.Context) (Overview, error) {
	return get[Overview](ctx, c, path("overview"))
}

// WhoAmI asks which user the client's credentials belong to, and what that user may do.
func (c *Client) WhoAmI(ctx context.Context) (WhoAmI, error) {
	return get[WhoAmI](ctx, c, path("whoami"))
}

// Nodes lists the nodes of the cluster.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	return get[[]Node](ctx, c, path("nodes"))
}

// PutVHost makes a virtual host. One that exists is no error. Its maker gets no permissions: see PutPermissions.
func (c *Client) PutVHost(ctx context.Context, name string) error {
	return c.put(ctx, path("vhosts", name), struct{}{})
}

// DeleteVHost deletes a virtual host with all that is in it, and ends its connections. One that does not exist is no
// error.
func (c *Client) DeleteVHost(ctx context.Context, name string) error {
	return c.remove(ctx, path("vhosts", name))
}

// VHosts lists the virtual hosts.
func (c *Client) VHosts(ctx context.Context) ([]VHost, error) {
	return get[[]VHost](ctx, c, path("vhosts"))
}

// PutUser makes a user, or changes one that exists.
func (c *Client) PutUser(ctx context.Context, name string, u User) error {
	body := map[string]string{"password": u.Password, "tags": strings.Join(u.Tags, ",")}
	return c.put(ctx, path("users", name), body)
}

// DeleteUser deletes a user. One that does not exist is no error.
func (c *Client) DeleteUser(ctx context.Context, name string) error {
	return c.remove(ctx, path("users", name))
}

// Users lists the names of the users.
func (c *Client) Users(ctx context.Context) ([]NamedThing, error) {
	return get[[]NamedThing](ctx, c, path("users"))
}

// PutPermissions gives a user permissions in a virtual host, in place of those that it had.
func (c *Client) PutPermissions(ctx context.Context, vhost, user string, p Permissions) error {
	return c.put(ctx, path("permissions", vhost, user), p)
}

// Queue returns one queue; errors.Is(err, ErrNotFound) when there is none of that name.
func (c *Client) Queue(ctx context.Context, vhost, name string) (Queue, error) {
	return get[Queue](ctx, c, path("queues", vhost, name))
}

// Queues lists the queues of a virtual host, exclusive ones too.
func (c *Client) Queues(ctx context.Context, vhost string) ([]Queue, error) {
	return get[[]Queue](ctx, c, path("queues", vhost))
}

// Exchanges lists the exchanges of a virtual host, the predeclared ones too.
func (c *Client) Exchanges(ctx context.Context, vhost string) ([]Exchange, error) {
	return get[[]Exchange](ctx, c, path("exchanges", vhost))
}

// Bindings lists the bindings of a virtual host, those of the default exchange (Source is empty) too.
func (c *Client) Bindings(ctx context.Context, vhost string) ([]Binding, error) {
	return get[[]Binding](ctx, c, path("bindings", vhost))
}

// Connections lists the connections to the whole cluster.
func (c *Client) Connections(ctx context.Context) ([]Connection, error) {
	return get[[]Connection](ctx, c, path("connections"))
}

// CloseConnection makes the broker end a connection (connection.close with code 320 and the reason). One that does not
// exist is an ErrNotFound.
func (c *Client) CloseConnection(ctx context.Context, name, reason string) error {
	return c.do(ctx, call{
		method: http.MethodDelete,
		path:   path("connections", name),
		header: http.Header{"X-Reason": {reason}},
	})
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var answer T
	err := c.do(ctx, call{method: http.MethodGet, path: path, out: &answer})
	return answer, err
}

func (c *Client) put(ctx context.Context, path string, body any) error {
	return c.do(ctx, call{method: http.MethodPut, path: path, in: body})
}

// remove deletes a thing; that it is gone already is fine.
func (c *Client) remove(ctx context.Context, path string) error {
	err := c.do(ctx, call{method: http.MethodDelete, path: path})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
