// Package vhost is one virtual host: its exchanges, queues and bindings, the channels that use them, and what happens to a
// message on its way from basic.publish to its acknowledgement.
//
//	protocol            Host (one mutex)                                         protocol
//	────────   Publish ┌──────────────────────────────────────────────────┐ Send ──────────
//	Channel ──────────►│ routing.Graph ─► queue.Queue ─► Channel: unacked  │─────► Outbox
//	        ──────────►│      ▲ dead-lettering │                          │
//	Handle (declare,   │      └────────────────┘   clock: expiry, timeout │
//	consume, ack …)    └──────────────────────────────────────────────────┘
//	                               │ events            ▲ safe up to n
//	                               ▼                   │
//	                             Journal (disk) ───────┘
//
// A call does all its work at once, under the host's lock, deliveries to other connections included; nothing in here waits
// for a client or for a disk. A client that reads too slowly gets no more deliveries until it has caught up (Outbox.HasRoom,
// Conn.Resume), and holds nobody up.
//
// It decodes no bytes and opens no socket: methods come in and go out as the structs of package wire. Which queue gets a
// message is package routing's business; what a queue does with it, package queue's.
package vhost
