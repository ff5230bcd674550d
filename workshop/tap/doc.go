// Package tap is a proxy between AMQP clients and a broker: it records what they say, disturbs it by rules, and says
// things in their names that a broker says rarely. It judges nothing and prints nothing: package lab asks its recording,
// package tap/diagram draws it.
//
// # One connection
//
//	               pump Client                      writer Broker
//	     ╭──────╮  ┌──────┐ units ╔═══════╗ bytes  ┌────────┐  ╭────────╮
//	you ─┤socket├─▶│decode├──────▶║ handle╟───────▶│ outbox ├─▶│ socket ├─ broker
//	     │      │  └──────┘       ║       ║        └────────┘  │        │
//	     │      │  ┌────────┐     ║ under ║        ┌──────┐    │        │
//	    ─┤      │◀─┤ outbox │◀────╢Tap.mu ║◀───────┤decode│◀───┤        ├─
//	     ╰──────╯  └────────┘bytes╚═══╤═══╝ units  └──────┘    ╰────────╯
//	              writer Client       │              pump Broker
//	                                  ▼
//	                              Recording
//
// Four goroutines serve a connection. A pump reads from one side, cuts what it reads into units and hands each to handle.
// handle numbers the unit if it is a publish or a confirm, asks the rules what becomes of it, records it and puts its
// bytes, unchanged, into the outbox of the other side. It never waits. A writer empties an outbox into its socket, as much
// as there is with one write, later if a fault says so.
//
// handle holds Tap.mu, for all connections the same, and all that is decided is decided there: so the rules count in the
// order of the recording, and that order is causal: a unit is recorded before its first byte leaves, hence before
// whatever it brings about.
//
// A pump stops reading while the outbox it fills is full or a rule tells it to; then TCP makes the writer at the far end
// wait. Injections go straight into outboxes.
//
// # Units
//
// A unit is a method with its content header and its body. It is recorded, judged and forwarded as one. Heartbeats pass
// in their place and are neither recorded nor counted. Bytes that are no AMQP are recorded once, as such, and pass as
// they are from then on; so does TLS, unless Config.CA is there to end it.
//
// # Ends
//
// When one side ends its half of a connection the tap passes the end on, after all that came before it, and the other
// half stays open until its side ends it too. When one side breaks off, the other is closed, after all that came before
// it. When the tap cuts, it closes both.
package tap
