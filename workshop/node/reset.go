package node

import (
	"context"
	"fmt"

	"warren.example/workshop/broker"
	"warren.example/workshop/management"
)

// ResetBroker makes a broker as it was after its first start, by the management API of its first node: one empty virtual
// host "/", one user guest. It fails when a node does not run or the cluster has fallen apart.
func ResetBroker(ctx context.Context, nodes []broker.Info) error {
	client, err := management.New(nodes[0].Management)
	if err != nil {
		return fmt.Errorf("reset %s: %w", nodes[0].Name, err)
	}
	steps := []func(context.Context, *management.Client) error{
		func(ctx context.Context, c *management.Client) error { return isWhole(ctx, c, len(nodes)) },
		resetVHosts,
		resetUsers,
	}
	for _, step := range steps {
		if err := step(ctx, client); err != nil {
			return fmt.Errorf("reset %s: %w", nodes[0].Name, err)
		}
	}
	for _, info := range nodes {
		if _, err := broker.Probe(ctx, info.AMQP); err != nil {
			return fmt.Errorf("reset %s: %w", info.Name, err)
		}
	}
	return nil
}

// isWhole returns an error unless all nodes run and see each other.
func isWhole(ctx context.Context, c *management.Client, want int) error {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	if len(nodes) != want {
		return fmt.Errorf("%d nodes, want %d", len(nodes), want)
	}
	for _, n := range nodes {
		if !n.Running || len(n.Partitions) > 0 {
			return fmt.Errorf("%s is not running or cut off", n.Name)
		}
	}
	return nil
}

// resetVHosts deletes all virtual hosts, which ends their connections, and makes the default one anew.
func resetVHosts(ctx context.Context, c *management.Client) error {
	const standard = "/"
	vhosts, err := c.VHosts(ctx)
	if err != nil {
		return err
	}
	for _, v := range vhosts {
		if err := c.DeleteVHost(ctx, v.Name); err != nil {
			return err
		}
	}
	if err := c.PutVHost(ctx, standard); err != nil {
		return err
	}
	return c.PutPermissions(ctx, standard, guest, management.AllPermissions)
}

const guest = "guest"

// resetUsers deletes all users but guest. (One who deleted guest, or changed the password, has locked out this reset.)
func resetUsers(ctx context.Context, c *management.Client) error {
	users, err := c.Users(ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.Name == guest {
			continue
		}
		if err := c.DeleteUser(ctx, u.Name); err != nil {
			return err
		}
	}
	return nil
}
