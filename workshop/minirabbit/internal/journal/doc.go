// Package journal keeps what a broker must not forget in a folder: users, permissions, virtual hosts, durable exchanges and
// queues, bindings and messages. A process that begins with the folder of another has what that one had, whether it ended
// in order or was killed; a publish that was confirmed is there.
//
//	vhost ──Append(event)──> record ──bytes──> wal ──> folder
//	      <──────────Safe(number)───────────────┘
//
// Package record knows what the bytes mean, package wal brings them to the disk. This package joins them: it decides
// nothing by itself.
package journal
