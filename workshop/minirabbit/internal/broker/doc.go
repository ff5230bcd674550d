// Package broker is the whole broker behind the protocol: users and their permissions, virtual hosts, the register of
// connections, the alarm that blocks publishers, and what a restart leaves of all that. It opens no socket.
package broker
